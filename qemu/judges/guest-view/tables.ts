/** The guest's tables in /proc as rows of text, in words that the rows of a dump can be put into, too. */
import type { GuestView } from './view.ts';
import { linesOf } from './view.ts';

/** `name size references state address taints users`, users sorted. */
export function guestModules(view: GuestView): string[] {
  return linesOf(view, 'modules').map(line => {
    // m_show() in kernel/module/procfs.c; taints are in brackets behind the address.
    const [name, size, references, users = '', state, address, taints = ''] = line.split(' ');
    return moduleRow({
      name: name!,
      sizeBytes: Number(size),
      references: Number(references),
      usedBy: users.split(',').filter(user => user !== '' && user !== '-'),
      state: state!,
      base: BigInt(address!),
      taints: taints.replace(/[()]/g, ''),
    });
  });
}

export interface ModuleFacts {
  readonly name: string;
  readonly sizeBytes: number;
  readonly references: number;
  readonly usedBy: readonly string[];
  readonly state: string;
  readonly base: bigint;
  readonly taints: string;
}

export function moduleRow({ name, sizeBytes, references, usedBy, state, base, taints }: ModuleFacts): string {
  const users = [...usedBy].sort().join(',');
  return `${name}: ${sizeBytes} bytes at ${base.toString(16)}, ${state}, used ${references} times by (${users}), taints (${taints})`;
}

export function guestMounts(view: GuestView): string[] {
  return linesOf(view, 'mounts').map(line => {
    const [device, directory, type, options] = line.split(' ').map(unescaped);
    return mountRow({
      device: device!,
      directory: directory!,
      type: type!,
      isReadOnly: options!.split(',')[0] === 'ro',
    });
  });
}

export interface MountFacts {
  readonly device: string;
  readonly directory: string;
  readonly type: string;
  readonly isReadOnly: boolean;
}

export function mountRow({ device, directory, type, isReadOnly }: MountFacts): string {
  return `${type} of ${device} on ${directory}, ${isReadOnly ? 'ro' : 'rw'}`;
}

/** seq_escape() writes blanks, tabs, newlines and backslashes as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The links in /proc/PID: `PID fd 3 REG /path`, `PID cwd /`. By `ls -ld`. */
export function guestLinks(view: GuestView): string[] {
  return linesOf(view, 'links').flatMap(line => {
    const [, pid, link, target] = /\/proc\/(\d+)\/(?:fd\/)?(\w+) -> (.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [linkRow(Number(pid), link!, target!)];
  });
}

export function linkRow(pid: number, link: string | number, target: string): string {
  return `PID ${pid} ${link} -> ${target}`;
}

export function pidOfLink(row: string): number {
  return Number.parseInt(row.slice('PID '.length), 10);
}

/** Of a slab cache, as /proc/slabinfo has it (slabinfo - version: 2.1). */
export interface SlabRow {
  readonly name: string;
  readonly inUse: number;
  readonly objects: number;
  /** Of an object, with its padding. */
  readonly sizeBytes: number;
  readonly objectsPerSlab: number;
  readonly pagesPerSlab: number;
  readonly slabs: number;
}

/** @param prefix of the files of one reading. */
export function guestSlab(view: GuestView, prefix = ''): SlabRow[] {
  return linesOf(view, `${prefix}slabinfo`).flatMap(line => {
    const found = /^(\S.*?) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) : .* : slabdata +(\d+) +(\d+) /.exec(line);
    if (!found) return [];
    const [inUse, objects, sizeBytes, objectsPerSlab, pagesPerSlab, , slabs] = found.slice(2).map(Number);
    return [
      {
        name: found[1]!,
        inUse: inUse!,
        objects: objects!,
        sizeBytes: sizeBytes!,
        objectsPerSlab: objectsPerSlab!,
        pagesPerSlab: pagesPerSlab!,
        slabs: slabs!,
      },
    ];
  });
}

/** Numbers by name; of /proc/meminfo in kB, but for numbers of huge pages. */
export type Numbers = Readonly<Record<string, number>>;

export function guestMeminfo(view: GuestView, prefix = ''): Numbers {
  return Object.fromEntries(
    linesOf(view, `${prefix}meminfo`).flatMap(line => {
      const [, name, value] = /^(\S+): +(\d+)/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(value)]];
    }),
  );
}

/** `node 0 DMA32` has its pages and, as `order 0` …, its free blocks. */
export type ZoneNumbers = Readonly<Record<string, Numbers>>;

/** Of /proc/zoneinfo, those that have memory. */
const ZONE_NUMBERS = ['min', 'low', 'high', 'spanned', 'present', 'managed'] as const;

export function guestZones(view: GuestView, prefix = ''): ZoneNumbers {
  const zones: Record<string, Record<string, number>> = {};
  let open: Record<string, number> | undefined;
  for (const line of linesOf(view, `${prefix}zoneinfo`)) {
    const [, node, zone] = /^Node (\d+), zone +(\S+)/.exec(line) ?? [];
    if (zone !== undefined) {
      open = {};
      zones[`node ${node} ${zone}`] = open;
      continue;
    }
    const [, name, value] = /^ +(?:pages )?(\w+):? +(\d+)$/.exec(line) ?? [];
    if (!open || name === undefined) continue;
    if (name === 'start_pfn' || name === 'free' || (ZONE_NUMBERS as readonly string[]).includes(name))
      open[name] ??= Number(value);
  }
  for (const line of linesOf(view, `${prefix}buddyinfo`)) {
    const [, node, zone, counts] = /^Node (\d+), zone +(\S+) +(.*)$/.exec(line) ?? [];
    const known = zones[`node ${node} ${zone}`];
    if (!known) continue;
    for (const [order, count] of counts!.trim().split(/ +/).entries())
      known[`order ${order}`] = Number(count);
  }
  return Object.fromEntries(Object.entries(zones).filter(([, { present }]) => present !== 0));
}
