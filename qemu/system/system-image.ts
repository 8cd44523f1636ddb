/** A system image that the user brings: looked into once by a machine of its own, and never written. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { announced, type Cache, publishDir, withLock } from '../../build/cache.ts';
import type { Parts } from '../../build/parts/parts.ts';
import { Failure } from '../../capture/errors.ts';
import type { DiskKind } from '../disks/boot-disk.ts';
import { busOf } from '../disks/buses.ts';
import { makeSparse, tool } from '../disks/file-systems.ts';
import { buildFirstKernelInitrd } from '../guest/root.ts';
import type { LabKernel } from '../kernel/lab-kernel.ts';
import { type Accel, labArch } from '../machine/arch.ts';
import { runMachine } from '../machine/machine.ts';
import { diskFormatOf } from './disk-format.ts';
import { type Inspection, readInspection } from './inspection.ts';

export interface SystemImage extends Inspection {
  /** As it was named. */
  readonly path: string;
  /** QEMU's name for its format. */
  readonly format: string;
  /** The image's own kernel, where it has one: `vmlinuz`, `config`, `modules/`. */
  readonly kernelFolder?: string;
}

/** The machine that looks: its kernel knows the file systems. */
interface Inspector {
  readonly kernel: LabKernel;
  readonly parts: Parts;
  readonly accel: Accel;
}

/** QEMU keeps what is written in a file that nobody else sees and that ends with it. */
export const UNWRITTEN = 'snapshot=on';

const OUTBOX_MIB = 2048;
const MEMORY_MIB = 1024;
const DEADLINE_SECONDS = 600;

/**
 * Looks for the root file system and the kernel, once for each state of the file.
 * @throws Failure that says what the image lacks
 */
export async function openSystemImage(
  cache: Cache,
  path: string,
  inspector: Inspector,
): Promise<SystemImage> {
  const format = diskFormatOf(path);
  const dir = join(cache.dir, 'system-images', identityOf(path));
  const console = join(dir, 'console.txt');
  await withLock(cache, `system-image-${identityOf(path)}`, async () => {
    if (existsSync(console)) return;
    await publishDir(dir, partial =>
      announced(cache, `looking into ${path}`, async () => {
        const lines = await inspect(path, format, partial, inspector);
        await writeFile(join(partial, 'console.txt'), `${lines.join('\n')}\n`);
      }),
    );
  });
  const inspection = readInspection(path, readFileSync(console, 'utf8').split('\n'));
  return { path, format, ...inspection, ...(inspection.release && { kernelFolder: join(dir, 'kernel') }) };
}

/** The disk as the kernels see it: the image's own file system on the bus that was chosen. */
export function systemDiskKind({ root }: SystemImage, { bus }: DiskKind): DiskKind {
  return { bus, fs: root.fs, layout: 'whole' };
}

/** A changed file is another image. An overlay's base is not seen: a change there needs a new overlay in any case. */
function identityOf(path: string): string {
  const real = realpathSync(path);
  const { size, mtimeMs, ino } = statSync(real);
  return createHash('sha256')
    .update(JSON.stringify([real, size, mtimeMs, ino]))
    .digest('hex')
    .slice(0, 16);
}

async function inspect(
  path: string,
  format: string,
  folder: string,
  { kernel, accel, parts }: Inspector,
): Promise<string[]> {
  const bus = busOf('virtio-blk');
  const [initrd, outbox] = [join(folder, 'initrd.img'), join(folder, 'outbox.tar')];
  await makeSparse(outbox, OUTBOX_MIB);
  await buildFirstKernelInitrd({
    kernel,
    init: 'inspect-image.sh',
    tools: [],
    parts,
    drivers: [...bus.drivers, 'xfs', 'btrfs'],
    commands: ['blkid', 'tar'],
    settings: { disk: bus.node(0), outbox: bus.node(1) },
    output: initrd,
  });
  const spec = {
    accel,
    memoryMib: MEMORY_MIB,
    cpus: 1,
    boot: { vmlinuz: kernel.vmlinuz, initrd, commandLine: `console=${labArch().console} quiet panic=-1` },
    disk: path,
    diskFormat: format,
    driveOptions: UNWRITTEN,
    moreDisks: [{ file: outbox }],
    devices: ['-no-reboot'],
    deadlineSeconds: DEADLINE_SECONDS,
  };
  const { lines } = await runMachine(spec, folder, () => {}, new AbortController().signal);
  if (!lines.some(({ text }) => text === 'lab: image done')) {
    throw new Failure('INSPECTION', {
      action: `look into ${path}`,
      actual: lines.at(-1)?.text ?? 'the machine said nothing',
      wanted: 'the end of guest/inspect-image.sh',
    });
  }
  const unpacked = join(folder, 'unpacked');
  await mkdir(unpacked);
  if (lines.some(({ text }) => text.startsWith('lab: image kernel '))) {
    await tool('tar', ['-xf', outbox, '-C', unpacked, '--no-same-owner']);
  }
  await rename(unpacked, join(folder, 'kernel'));
  await Promise.all([initrd, outbox].map(file => rm(file)));
  return lines.map(({ text }) => text);
}
