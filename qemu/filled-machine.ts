/**
 * A machine whose memory holds each kind of page, crashed: two NUMA nodes, memory above 4 GiB of which a part was never
 * plugged in, swap, movable memory. The capture initrd is no program of ours: busybox copies /proc/vmcore.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { bundle } from '../build/bundle.ts';
import { DIST, KOFFI_BINARY, NODE_BINARY } from '../build/paths.ts';
import { programVersion } from '../build/program.ts';
import { buildRuntime, runtimeFiles } from '../build/runtime.ts';
import { LAB_DISK_DRIVERS } from '../build/stock-image.ts';
import { crashCommandLine } from '../initrd/command-line.ts';
import { type CpioEntry, encodeCpio } from '../initrd/cpio.ts';
import { targetModules } from '../initrd/drivers.ts';
import { type ModuleTree, openModuleTree } from '../initrd/modules.ts';
import { findCommand } from '../scripts/setup/host-packages.ts';
import { makeDisk } from './disk.ts';
import { buildFirstKernelInitrd, stageBootDisk } from './guest/root.ts';
import type { MachineSpec } from './machine.ts';
import type { Kernel } from './packages/kernels.ts';
import type { GuestFile } from './packages/tools.ts';

const DISK_DEVICE = '/dev/vda';
const DISK_MIB = 4096;
/** Loaded by fill-memory.sh where the kernel has them. */
const FILL_DRIVERS = ['loop', 'squashfs', 'virtio_mem', 'hwpoison-inject', 'lzo-rle', 'zram'];
const NODE_MIB = 512;
/** Memory blocks of 128 MiB: one to be taken offline again, one to stay, and a quarter of a third. */
const PLUGGABLE_MIB = 384;
const PLUGGED_MIB = 288;

export interface FilledMachineRequest {
  readonly kernel: Kernel;
  /** Of the page tables. */
  readonly levels: 4 | 5;
  readonly tools: readonly GuestFile[];
  readonly accel: 'kvm' | 'tcg';
  readonly deadlineSeconds: number;
  /** Scratch folder of the run. */
  readonly work: string;
  readonly say: (line: string) => void;
}

export async function prepareFilledMachine(request: FilledMachineRequest): Promise<MachineSpec> {
  const { kernel, work } = request;
  const tree = openModuleTree(kernel.modulesDir);
  const commandLine = 'console=ttyS0 panic=30 crashkernel=160M movablecore=320M';
  const captureInitrd = join(work, 'capture.img');
  await pipeline(Readable.from(encodeCpio(captureEntries(tree))), createWriteStream(captureInitrd));
  const staging = join(work, 'disk');
  await stageBootDisk(staging, kernel, captureInitrd);
  await stageFill(join(staging, 'lab'), tree, request.say);
  const disk = join(work, 'disk.img');
  await makeDisk({ path: disk, sizeMib: DISK_MIB, uuid: randomUUID(), contents: staging });
  const initrd = join(work, 'first-kernel.img');
  await buildFirstKernelInitrd({
    kernel,
    tools: request.tools,
    drivers: LAB_DISK_DRIVERS,
    settings: {
      kver: kernel.release,
      disk: DISK_DEVICE,
      fstype: 'ext4',
      physical_volume: '',
      outbox: '',
      marker: 'KDUMPLING-MARKER',
      fill_mib: '16',
      crash_command_line: crashCommandLine(commandLine),
      trigger: '. /disk/lab/fill-memory.sh',
    },
    output: initrd,
  });
  return {
    accel: request.accel,
    memoryMib: 2 * NODE_MIB,
    cpus: 2,
    cpuFeatures: request.levels === 4 ? ['la57=off'] : [],
    boot: { vmlinuz: kernel.vmlinuz, initrd, commandLine },
    disk,
    devices: memoryDevices(),
    deadlineSeconds: request.deadlineSeconds,
  };
}

function memoryDevices(): string[] {
  const backend = (id: string, mib: number) => ['-object', `memory-backend-ram,id=${id},size=${mib}M`];
  return [
    ...['-m', `maxmem=${2 * NODE_MIB + PLUGGABLE_MIB}M`],
    ...backend('node0', NODE_MIB),
    ...backend('node1', NODE_MIB),
    ...backend('pluggable', PLUGGABLE_MIB),
    ...['-numa', 'node,nodeid=0,cpus=0,memdev=node0', '-numa', 'node,nodeid=1,cpus=1,memdev=node1'],
    ...['-device', `virtio-mem-pci,memdev=pluggable,node=1,requested-size=${PLUGGED_MIB}M`],
  ];
}

/** What fill-memory.sh finds in /disk/lab. */
async function stageFill(lab: string, tree: ModuleTree, say: (line: string) => void): Promise<void> {
  mkdirSync(join(lab, 'modules'), { recursive: true });
  mkdirSync(DIST, { recursive: true });
  const runtime = await buildRuntime(runtimeFiles(NODE_BINARY, KOFFI_BINARY), join(DIST, 'runtime'), say);
  await copyFile(runtime, join(lab, 'runtime.squashfs'));
  await copyFile(KOFFI_BINARY, join(lab, 'koffi.node'));
  await copyFile(guestFile('fill-memory.sh'), join(lab, 'fill-memory.sh'));
  const output = join(lab, 'fill-memory.js');
  await bundle({ entry: guestFile('fill-memory.ts'), output, version: programVersion() });
  const loaded = targetModules(tree, ['ext4'], LAB_DISK_DRIVERS);
  const modules = tree
    .closure(FILL_DRIVERS.filter(driver => tree.has(driver)))
    .filter(file => !loaded.includes(file));
  for (const file of modules) writeFileSync(join(lab, 'modules', plainName(file)), tree.read(file));
  writeFileSync(join(lab, 'modules.list'), modules.map(file => `${plainName(file)}\n`).join(''));
}

function* captureEntries(tree: ModuleTree): Generator<CpioEntry> {
  const modules = targetModules(tree, ['ext4'], LAB_DISK_DRIVERS);
  for (const path of ['bin', 'dev', 'modules']) yield { kind: 'directory', path, mode: 0o755 };
  yield { kind: 'device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 };
  yield { kind: 'file', path: 'init', mode: 0o755, bytes: readFileSync(guestFile('copy-vmcore.sh')) };
  yield { kind: 'file', path: 'bin/busybox', mode: 0o755, bytes: readFileSync(findCommand('busybox')!) };
  for (const file of modules) {
    yield { kind: 'file', path: `modules/${plainName(file)}`, mode: 0o644, bytes: tree.read(file) };
  }
  const list = modules.map(file => `/modules/${plainName(file)}`).join(' ');
  const settings = Buffer.from(`disk=${DISK_DEVICE}\nmodules='${list}'\n`);
  yield { kind: 'file', path: 'lab.conf', mode: 0o644, bytes: settings };
}

function plainName(moduleFile: string): string {
  return basename(moduleFile).replace(/\.(xz|zst|gz)$/, '');
}

function guestFile(name: string): string {
  return join(import.meta.dirname, 'guest', name);
}
