/** Finishes the root of another architecture in a machine of that architecture, since its programs cannot run on the host. */
import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Cache } from '../../build/cache.ts';
import { DEFAULT_KERNEL, fetchKernel } from '../../build/fetch/kernels.ts';
import type { Parts } from '../../build/parts/parts.ts';
import { SystemError } from '../../capture/errors.ts';
import { busOf } from '../disks/buses.ts';
import { fileSystemOf } from '../disks/file-systems.ts';
import { buildFirstKernelInitrd, GUEST_SCRIPTS } from '../guest/root.ts';
import { type Accel, labArch } from '../machine/arch.ts';
import { runMachine } from '../machine/machine.ts';
import { finishing } from './contents.ts';
import { ROOT_UUID } from './disk.ts';

export interface SecondStageRequest {
  readonly disk: string;
  /** Of the guest's architecture. */
  readonly parts: Parts;
  readonly accel: Accel;
  /** Gets serial.log. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** /init of the machine. */
export const SECOND_STAGE = join(import.meta.dirname, 'guest', 'second-stage.sh');

const MEMORY_MIB = 1024;
const CPUS = 2;
/** Long, for software emulation on a busy host. */
const DEADLINE_SECONDS = 5400;

/** Returns the version of every package. @throws SystemError SECOND_STAGE, LostMachine */
export async function runSecondStage(
  cache: Cache,
  { disk, parts, accel, directory, signal }: SecondStageRequest,
): Promise<Record<string, string>> {
  const arch = labArch(parts.platform.node);
  const kernel = await fetchKernel(cache, { ...DEFAULT_KERNEL, architecture: parts.platform.debian });
  const bus = busOf('virtio-blk');
  const node = bus.node(0);
  const initrd = join(directory, 'second-stage.img');
  await buildFirstKernelInitrd({
    kernel,
    init: relative(GUEST_SCRIPTS, SECOND_STAGE),
    tools: [],
    parts,
    drivers: [...bus.drivers, ...(arch.debianGuest.uefi ? fileSystemOf('vfat').drivers : [])],
    settings: {
      root: bus.partition(node),
      root_uuid: ROOT_UUID,
      esp: arch.debianGuest.uefi ? `${node}2` : '',
      finishing: finishing(arch),
    },
    output: initrd,
  });
  const { lines } = await runMachine(
    {
      arch,
      accel,
      memoryMib: MEMORY_MIB,
      cpus: CPUS,
      boot: { vmlinuz: kernel.vmlinuz, initrd, commandLine: `console=${arch.console} quiet panic=-1` },
      disk,
      devices: ['-no-reboot'],
      deadlineSeconds: DEADLINE_SECONDS,
    },
    directory,
    () => {},
    signal,
  );
  await rm(initrd);
  return readPackages(
    lines.map(({ text }) => text),
    join(directory, 'serial.log'),
  );
}

/**
 * @param lines of the serial console.
 * @param log where they are kept.
 * @throws SystemError SECOND_STAGE with the guest's reason
 */
export function readPackages(lines: readonly string[], log: string): Record<string, string> {
  if (!lines.includes('lab: debian is complete')) {
    const reason = lines.flatMap(line => /^lab: gave up: (.*)$/.exec(line)?.[1] ?? [])[0];
    throw new SystemError('SECOND_STAGE', {
      action: 'make a Debian image',
      actual: reason ?? lines.at(-1) ?? 'the guest printed nothing',
      wanted: 'the end of guest/second-stage.sh',
      toDo: `See ${log}`,
    });
  }
  const found = lines.flatMap(line => /^lab: package (\S+) (\S+)$/.exec(line) ?? []);
  return Object.fromEntries(
    Array.from({ length: found.length / 3 }, (_, at) => [found[3 * at + 1]!, found[3 * at + 2]!]),
  );
}
