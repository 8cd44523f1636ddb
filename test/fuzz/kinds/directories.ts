/** Dump directories: their manifests damaged in structure, their files damaged or replaced by what is no file. */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { readHistory } from '../../../capture/storage/policy/crash-loop.ts';
import { storedDumps } from '../../../capture/storage/policy/dump-store.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import { deleteDumps } from '../../../scripts/lib/dumps/delete.ts';
import { type Dump, findDumps } from '../../../scripts/lib/dumps/dumps.ts';
import { findDump } from '../../../scripts/lib/dumps/find-dump.ts';
import { infoText } from '../../../scripts/lib/dumps/info-text.ts';
import { dumpLines, ignoredLines, infoData, listData } from '../../../scripts/lib/dumps/list-text.ts';
import { type Host, openHost } from '../../../scripts/lib/host/host.ts';
import { reportDump } from '../../../scripts/lib/report/dump-report.ts';
import { reportLines, reportPage } from '../../../scripts/lib/report/text.ts';
import { placeToVerify } from '../../../scripts/lib/verify/dump-place.ts';
import { judgeDump } from '../../../scripts/lib/verify/judge.ts';
import { manifestDump, manifestOf } from '../../support/manifest.ts';
import type { Random } from '../../support/random.ts';
import { type Attack, demand, type Kind, type Outcome, refusedOr, requireForeseen } from '../kind.ts';
import { mutateBytes } from '../mutate/bytes.ts';
import { mutateJson } from '../mutate/json.ts';
import { mutateText, ODD_TEXTS } from '../mutate/text.ts';
import { missedDamage, type Page, pagesOf } from './content.ts';
import { placeOddly } from './odd-files.ts';
import { type KdumpDump, kdumpDumps } from './small-dumps.ts';
import { demandPrintable } from './texts.ts';

const CRASHES = '/var/crash';
const TIME = '2026-11-28T10:12:13Z';
const ID = '20261128T101213Z';
const GOOD_TIME = '2026-11-28T10:12:14Z';
const GOOD = '20261128T101214Z';
const LOG = '[    1.000000] Kernel panic - not syncing: sysrq triggered crash\n';
const signal = new AbortController().signal;
const codecs = openPageCodecs(openFfi());

interface Base {
  readonly dump: KdumpDump;
  readonly pages: readonly Page[];
  readonly manifest: string;
}

export const manifests: Kind = {
  name: 'manifest',
  share: 10,
  open({ folder }) {
    const host = openHost(join(folder, 'manifest-host'));
    const bases = basesOf();
    return (random): Attack => {
      const base = random.pick(bases);
      const { labels, text } = mutateJson(base.manifest, random);
      const damaged = random.chance(0.5) ? mutateBytes(base.dump.bytes, base.dump.fields, random) : undefined;
      const bytes = damaged?.bytes ?? base.dump.bytes;
      return {
        labels: [...labels, ...(damaged ? ['vmcore:', ...damaged.labels] : [])],
        run: async () => {
          rmSync(host.path(CRASHES), { recursive: true, force: true });
          putDump(host, ID, { 'manifest.json': text, vmcore: bytes, 'vmcore-dmesg.txt': LOG });
          showAll(host);
          storedDumps(host.path(CRASHES));
          return verifyAll(host, ID, base);
        },
      };
    };
  },
};

function basesOf(): Base[] {
  return kdumpDumps().map(dump => ({
    dump,
    pages: pagesOf(dump.bytes),
    manifest: JSON.stringify(
      manifestOf(TIME, {
        stamp: { name: ID, time: TIME, clock: 'vmcoreinfo', trusted: true },
        dump: manifestDump({ bytes: dump.bytes.length, digest: dump.digest }),
        kernel: {
          release: '6.1.0-test',
          buildId: '01',
          version: '#1 SMP',
          machine: 'x86_64',
          nodename: 'crashed',
        },
        files: [{ name: 'vmcore', bytes: dump.bytes.length }],
        space: { keepFree: '5%', steps: ['as asked'], removed: [] },
        warnings: ['a warning'],
      }),
    ),
  }));
}

/** `verify` of the dump, as the verb does it. */
async function verifyAll(host: Host, id: string, { pages }: Base): Promise<Outcome> {
  return refusedOr(async () => {
    const given = host.path(join(CRASHES, id));
    const { path, expected } = placeToVerify(host, given, true);
    const source = openVmcoreFile(path, undefined);
    try {
      const verdict = await judgeDump(source, expected, { codecs, signal, onProgress: () => {} });
      if (!verdict.whole) return 'noticed';
      const { text, unprotected } = missedDamage(pages, readFileSync(path));
      demand(text === undefined, `verify says whole by the ${verdict.by}, and ${text}`);
      const isSaid = verdict.by === 'file' && verdict.pagesUnprotected > 0;
      demand(!unprotected || isSaid, `verify says whole by the ${verdict.by}, and pages differ`);
      return 'read';
    } finally {
      source.close();
    }
  });
}

/** list, info, dmesg and report of everything there is. Returns what was found. */
function showAll(host: Host): readonly Dump[] {
  const found = findDumps(host, CRASHES);
  demandPrintable(dumpLines(found.dumps).join('\n'));
  demandPrintable(ignoredLines(found.ignored).join('\n'));
  JSON.parse(JSON.stringify(listData(found)));
  for (const dump of found.dumps) {
    demandPrintable(infoText(dump));
    JSON.parse(JSON.stringify(infoData(dump)));
    foreseen(() => {
      const report = reportDump(host, dump);
      demandPrintable(reportPage(report));
      for (const line of reportLines(report)) demandPrintable(line);
      JSON.parse(JSON.stringify(report));
    });
  }
  return found.dumps;
}

function foreseen(run: () => void): void {
  try {
    run();
  } catch (error) {
    requireForeseen(error);
  }
}

type Files = Readonly<Record<string, string | Buffer>>;

function putDump(host: Host, id: string, files: Files): void {
  const directory = host.path(join(CRASHES, id));
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const file = join(directory, name);
    // A pipe that an earlier step left would be waited for.
    rmSync(file, { recursive: true, force: true });
    writeFileSync(file, content);
  }
}

const NAMES = [
  'vmcore',
  'vmcore-incomplete',
  'vmcore-dmesg.txt',
  'vmcore-dmesg-incomplete.txt',
  'kexec-dmesg.log',
  'manifest.json',
  'vmcore.flat',
  'dmesg.txt',
  'dump.202611281012',
  'dmesg.202611281012',
] as const;

const IDS = [
  ID,
  `${ID}-2`,
  '202611281012',
  'host-202611281012',
  '127.0.0.1-2026-11-28-10:12:13',
  '2026-11-28-10:12',
  'vmcore',
  'dump.202611281012',
  '.crash-loop',
  'lost+found',
  '99999999T999999Z',
  'a\nb\x1b[2J',
  '\u202e20261128T101213Z',
  'x'.repeat(255),
] as const;

/** Names, types, owners and sizes that no program leaves. A dump that is as it should be stays in the list. */
export const directories: Kind = {
  name: 'directory',
  share: 3,
  open({ folder }) {
    const host = openHost(join(folder, 'directory-host'));
    const outside = join(folder, 'outside');
    const bases = basesOf();
    return random => {
      const base = random.pick(bases);
      const steps = Array.from({ length: 1 + random.below(3) }, () => oddEntry(random, base, folder));
      return {
        labels: steps.map(({ label }) => label),
        run: () => {
          empty(host, outside);
          putDump(host, GOOD, {
            'manifest.json': JSON.stringify(manifestOf(GOOD_TIME, { dump: manifestDump() })),
            vmcore: '1234',
            'vmcore-dmesg.txt': LOG,
          });
          for (const { put } of steps) foreseen(() => put(host));
          const dumps = showAll(host);
          demand(
            dumps.some(({ id, state }) => id === GOOD && state === 'complete'),
            'one odd dump hides another',
          );
          for (const id of IDS) foreseen(() => void findDump(host, host.path(join(CRASHES, id))));
          storedDumps(host.path(CRASHES));
          readHistory(host.path(CRASHES), GOOD);
          const ours = dumps.filter(({ isOurs }) => isOurs);
          foreseen(() => void deleteDumps(host, ours, demandPrintable));
          demand(readFileSync(join(outside, 'kept'), 'utf8') === 'kept', 'a file outside was changed');
          demand(!existsSync(host.path(join(CRASHES, GOOD, 'vmcore'))), 'a dump of ours was not deleted');
          return 'read';
        },
      };
    };
  },
};

function empty(host: Host, outside: string): void {
  rmSync(host.path(CRASHES), { recursive: true, force: true });
  mkdirSync(host.path(CRASHES), { recursive: true });
  rmSync(outside, { recursive: true, force: true });
  mkdirSync(outside);
  writeFileSync(join(outside, 'kept'), 'kept');
}

interface Step {
  readonly label: string;
  put(host: Host): void;
}

function oddEntry(random: Random, { dump, manifest }: Base, folder: string): Step {
  const id = random.pick(IDS);
  const at = (host: Host) => host.path(join(CRASHES, id));
  if (random.chance(0.2)) {
    const odd = placeOddly(random, folder);
    return { label: `${id} is ${odd.label}`, put: host => odd.put(at(host)) };
  }
  const valid: Files = { 'manifest.json': manifest, vmcore: dump.bytes, 'vmcore-dmesg.txt': LOG };
  const name = random.chance(0.9)
    ? random.pick(NAMES)
    : random.pick(ODD_TEXTS).slice(0, 40).replace(/[/\0]/g, '_');
  if (random.chance(0.5)) {
    const odd = placeOddly(random, folder);
    return {
      label: `${id}/${name} is ${odd.label}`,
      put(host) {
        putDump(host, id, valid);
        odd.put(join(at(host), name));
      },
    };
  }
  if (random.chance(0.3)) {
    const owner = random.pick([0, 65534]);
    const mode = random.pick([0, 0o111, 0o400, 0o777, 0o1777]);
    return {
      label: `${id} has mode ${mode.toString(8)} and is user ${owner}’s`,
      put(host) {
        putDump(host, id, valid);
        chmodSync(at(host), mode);
        if (process.getuid?.() === 0) chownSync(at(host), owner, owner);
      },
    };
  }
  const content = random.chance(0.5)
    ? mutateBytes(dump.bytes, dump.fields, random).bytes
    : mutateText(LOG.repeat(20), '\n', random).text;
  return {
    label: `${id}/${name} has other bytes`,
    put: host => putDump(host, id, { ...valid, [name || 'x']: content }),
  };
}
