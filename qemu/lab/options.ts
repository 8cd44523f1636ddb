/** The options that the lab's commands share, and the machine that they describe. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { PLATFORM_NAMES, platformNamed } from '../../build/parts/platform.ts';
import { CODEC_NAMES, type CodecName } from '../../capture/codecs/table.ts';
import { DEFAULT_OPTIONS } from '../../capture/options/schema.ts';
import { badValue, type Given, oneOf, UsageError, wholeNumber } from '../../scripts/lib/cli/command.ts';
import type { Options } from '../../scripts/lib/cli/help.ts';
import { type DiskKind, LAYOUTS } from '../disks/boot-disk.ts';
import { BUSES } from '../disks/buses.ts';
import { LAB_FILE_SYSTEMS } from '../disks/file-systems.ts';
import { GEOMETRIES } from '../geometry/all.ts';
import type { Geometry } from '../geometry/geometry.ts';
import type { OwnKernelChoice } from '../kernel/own-kernel.ts';
import type { AccelRequest } from '../machine/accel.ts';
import type { Trigger } from '../triggers/trigger.ts';
import { IMPOSSIBLE_TRIGGERS, ownTrigger, SYSRQ_CRASH, TRIGGERS } from '../triggers/triggers.ts';

const busNames = BUSES.map(({ name }) => name);
const geometryNames = GEOMETRIES.map(({ name }) => name);
const triggerNames = TRIGGERS.map(({ name }) => name);
const fileSystemNames = LAB_FILE_SYSTEMS.map(({ name }) => name);

/** One word of Linux's Documentation/admin-guide/kdump/kdump.rst; a second one, as `72M,low`, is a --kernel-option. */
const CRASHKERNEL = /^\d+[KMG](@\d+[KMG]|,high|,low|,cma)?$/;

export const USUAL_KERNEL = '6.1-cloud';

/** Seconds. A whole system takes minutes to come up where QEMU emulates the CPU. */
const DEADLINE = { own: '600', system: '1800' } as const;
const deadlineFor = (disk: string | undefined) => (disk === undefined ? DEADLINE.own : DEADLINE.system);

export const MACHINE_OPTIONS = {
  arch: {
    value: 'NAME',
    default: platformNamed().debian,
    help: `architecture of the guest: ${PLATFORM_NAMES.join(', ')}; another one than this machine’s is emulated`,
  },
  kernel: {
    value: 'NAME|PATH',
    help: `stock Debian kernel (5.10, 6.1, 6.12 or 7.x; -cloud, -generic or arm64’s -16k; as 6.12-cloud-arm64 with its architecture), or your own: a bzImage or its build directory; without it ${USUAL_KERNEL}, or with --disk the image's own`,
  },
  'capture-kernel': {
    value: 'NAME|PATH',
    help: 'capture with another kernel than the one that crashes',
  },
  modules: { value: 'DIR', help: 'modules of your own kernels, as `make modules_install` wrote them' },
  vmlinux: { value: 'PATH', help: 'debug symbols of your own kernel, for crash' },
  geometry: {
    value: 'NAME',
    default: 'bios',
    help: `shape of the memory: ${geometryNames.join(', ')}`,
  },
  trigger: {
    value: 'NAME',
    default: SYSRQ_CRASH.name,
    help: `how the first kernel crashes: ${triggerNames.join(', ')}`,
  },
  'crash-command': {
    value: 'COMMAND',
    help: 'crash the first kernel by these shell commands, which its PID 1 runs',
  },
  cpus: { value: 'N', default: '2', help: 'CPUs of the guest' },
  nodes: { value: 'N', default: '1', help: 'NUMA nodes that share the guest’s memory and CPUs, 1 to 4' },
  memory: { value: 'MIB', default: '1024', help: 'memory of the guest' },
  crashkernel: {
    value: 'SIZE[@OFFSET]',
    default: '192M',
    help: 'memory reserved for the crash kernel, and where',
  },
  bus: { value: 'NAME', default: 'virtio-blk', help: `bus of the boot disk: ${busNames.join(', ')}` },
  fs: {
    value: 'NAME',
    default: 'ext4',
    help: `file system of the boot disk: ${fileSystemNames.join(', ')}`,
  },
  layout: {
    value: 'NAME',
    default: 'whole',
    help: 'where the file system is: whole (the disk), gpt (a partition), or lvm (a logical volume)',
  },
  level: {
    value: 'LEVEL',
    help: `dump level of the capture, 0 to 31; without it ${DEFAULT_OPTIONS.dumpLevel}`,
  },
  codec: {
    value: 'NAME',
    help: `codec of the capture: ${CODEC_NAMES.join(', ')}; without it ${DEFAULT_OPTIONS.codec}`,
  },
  raw: {
    help: 'also keep a raw copy of /proc/vmcore, made by busybox, in lab-runs/latest/lab, and compare the dump with it',
  },
  disk: {
    value: 'IMAGE',
    help: 'crash inside this system image (raw, qcow2 and others), which is not written; it boots instead of the lab’s own disk',
  },
  'disk-size': { value: 'MIB', default: '3072', help: 'size of the lab’s own disk, sparse' },
  fill: { value: 'MIB', default: '16', help: 'fill so much memory with random bytes, which do not compress' },
  'kernel-option': {
    value: 'WORD',
    repeatable: true,
    help: "add WORD to the first kernel's command line: nokaslr; may be repeated",
  },
  'crash-option': {
    value: 'WORDS',
    repeatable: true,
    help: "add WORDS to the crash kernel's command line: kdumpling.codec=lzo; may be repeated",
  },
  accel: { value: 'KIND', default: 'auto', help: 'kvm, tcg, or auto: kvm where a test boot works' },
  deadline: {
    value: 'SECONDS',
    help: `kill the machine after this time; without it ${DEADLINE.own}, with --disk ${DEADLINE.system}`,
  },
  'keep-disk': { help: "keep the guest's disk image in the run's directory" },
  console: { help: 'show the serial console live' },
} as const;

export interface MachineChoice {
  /** Debian's name of it. */
  readonly architecture: string;
  readonly kernel: KernelChoice | OwnKernelChoice;
  /** undefined: the kernel that crashes. */
  readonly captureKernel?: KernelChoice | OwnKernelChoice;
  readonly geometry: Geometry;
  readonly trigger: Trigger;
  readonly cpus: number;
  readonly nodes: number;
  readonly memoryMib: number;
  readonly crashkernel: string;
  /** More words for the first kernel's command line, in order; a word may hold quoted blanks. */
  readonly kernelWords: readonly string[];
  readonly diskKind: DiskKind;
  readonly diskMib: number;
  /** The path of a system image to crash in. */
  readonly disk?: string;
  readonly fillMib: number;
  /** The dump level that was asked for; undefined: the image's own. */
  readonly level: number | undefined;
  readonly codec: CodecName | undefined;
  /** Keep a raw copy of /proc/vmcore. */
  readonly raw: boolean;
  readonly crashWords: readonly string[];
  readonly accel: AccelRequest;
  readonly deadlineSeconds: number;
  readonly keepDisk: boolean;
  readonly showConsole: boolean;
}

/** @throws UsageError that names the option, its value and what was expected */
export function readMachineOptions(given: Given<typeof MACHINE_OPTIONS>): MachineChoice {
  if (!CRASHKERNEL.test(given.crashkernel)) {
    throw badValue('crashkernel', given.crashkernel, 'a size like 192M, 192M@512M, or 256M,high');
  }
  return {
    architecture: readArchitecture(given),
    ...readKernels(given),
    geometry: geometryOf(oneOf('geometry', given.geometry, geometryNames)),
    trigger: readTrigger(given),
    cpus: wholeNumber('cpus', given.cpus, 1, 8),
    nodes: wholeNumber('nodes', given.nodes, 1, 4),
    memoryMib: wholeNumber('memory', given.memory, 256, 1 << 20),
    crashkernel: given.crashkernel,
    diskKind: {
      bus: oneOf('bus', given.bus, busNames),
      fs: oneOf('fs', given.fs, fileSystemNames),
      layout: oneOf('layout', given.layout, LAYOUTS),
    },
    diskMib: wholeNumber('disk-size', given['disk-size'], 256, 1 << 20),
    ...readDisk(given),
    fillMib: wholeNumber('fill', given.fill, 0, 1 << 20),
    level: given.level === undefined ? undefined : wholeNumber('level', given.level, 0, 31),
    codec: given.codec === undefined ? undefined : oneOf('codec', given.codec, CODEC_NAMES),
    raw: given.raw,
    kernelWords: given['kernel-option'],
    crashWords: given['crash-option'].flatMap(words => words.split(/\s+/)).filter(word => word !== ''),
    accel: oneOf('accel', given.accel, ['auto', 'kvm', 'tcg']),
    deadlineSeconds: wholeNumber('deadline', given.deadline ?? deadlineFor(given.disk), 30, 86400),
    keepDisk: given['keep-disk'],
    showConsole: given.console,
  };
}

const DEBIAN_KERNEL = /^(5\.10|6\.1|6\.12|7\.x)(?:-(cloud|generic|16k))?(?:-(amd64|arm64))?$/;

function isDebianKernel(name: string): boolean {
  return DEBIAN_KERNEL.test(name);
}

/** A kernel of Debian's by its name, as `6.12`, `6.12-generic` or `6.12-cloud-arm64`. @throws UsageError */
export function debianKernelNamed(name: string): KernelChoice {
  const [, series, flavour = 'cloud', architecture] = DEBIAN_KERNEL.exec(name) ?? [];
  if (series) return { series, flavour, ...(architecture && { architecture }) } as KernelChoice;
  throw badValue('kernel', name, DEBIAN_KERNELS);
}

/** The architecture that `--arch` or a kernel's name says; without either that of this machine. @throws UsageError */
function readArchitecture(
  given: Pick<Given<typeof MACHINE_OPTIONS>, 'arch' | 'kernel' | 'capture-kernel'>,
): string {
  const arch = oneOf('arch', given.arch, PLATFORM_NAMES);
  const byOption = arch === MACHINE_OPTIONS.arch.default ? undefined : arch;
  for (const option of ['kernel', 'capture-kernel'] as const) {
    const name = given[option];
    const [, , flavour, ofKernel] = DEBIAN_KERNEL.exec(name ?? '') ?? [];
    if (name !== undefined && ofKernel !== undefined && ofKernel !== (byOption ?? ofKernel)) {
      throw badValue(option, name, `a kernel of ${byOption}, as --arch says`);
    }
    const architecture = byOption ?? ofKernel ?? arch;
    if (name !== undefined && flavour === '16k' && architecture !== 'arm64') {
      throw badValue(option, name, 'with pages of 16 KiB --arch arm64: other architectures have none');
    }
    if (ofKernel !== undefined) return ofKernel;
  }
  return arch;
}

function readKernels(given: Given<typeof MACHINE_OPTIONS>): Pick<MachineChoice, 'kernel' | 'captureKernel'> {
  const { modules, vmlinux, 'capture-kernel': capturing } = given;
  const inImage = given.kernel === undefined && given.disk !== undefined;
  const kernel = inImage
    ? { path: given.disk, vmlinux, inImage }
    : readKernel('kernel', given.kernel ?? USUAL_KERNEL, { modules, vmlinux });
  const captureKernel =
    capturing === undefined ? undefined : readKernel('capture-kernel', capturing, { modules });
  const isOwn = (choice: MachineChoice['kernel'] | undefined) => choice !== undefined && 'path' in choice;
  if (vmlinux !== undefined && !isOwn(kernel)) {
    throw badValue('vmlinux', vmlinux, 'your own kernel, as --kernel PATH');
  }
  if (modules !== undefined && !isOwn(kernel) && !isOwn(captureKernel)) {
    throw badValue('modules', modules, 'your own kernel, as --kernel PATH');
  }
  return { kernel, ...(captureKernel && { captureKernel }) };
}

function readDisk({ disk, fs, layout }: Given<typeof MACHINE_OPTIONS>): Pick<MachineChoice, 'disk'> {
  if (disk === undefined) return {};
  if (!existsSync(disk)) {
    const isSize = /^\d+$/.test(disk);
    throw badValue('disk', disk, `the path of a system image${isSize ? '; a size is --disk-size' : ''}`);
  }
  const given = { fs, layout };
  for (const option of ['fs', 'layout'] as const) {
    if (given[option] === MACHINE_OPTIONS[option].default) continue;
    throw badValue(option, given[option], `no --${option} with --disk: the image has its own`);
  }
  return { disk };
}

function readKernel(
  option: string,
  text: string,
  files: Omit<OwnKernelChoice, 'path'>,
): MachineChoice['kernel'] {
  if (isDebianKernel(text)) return debianKernelNamed(text);
  if (existsSync(text)) return { path: text, ...files };
  if (text.includes('/')) {
    const actual = `there is no ${resolve(text)}`;
    throw new UsageError('BAD_VALUE', { action: `use --${option}`, actual, wanted: A_KERNELS_PATH });
  }
  throw badValue(option, text, `${DEBIAN_KERNELS}, or ${A_KERNELS_PATH}`);
}

const A_KERNELS_PATH = "the path of a kernel's image or of its build directory";

const DEBIAN_KERNELS = '5.10, 6.1, 6.12 or 7.x, with -cloud, -generic or -16k';

function readTrigger(given: Given<typeof MACHINE_OPTIONS>): Trigger {
  const { trigger, 'crash-command': command } = given;
  if (command !== undefined) return ownTrigger(command);
  const impossible = IMPOSSIBLE_TRIGGERS.find(({ name }) => name === trigger);
  if (impossible) throw badValue('trigger', trigger, `a crash that QEMU can make; ${impossible.why}`);
  return triggerOf(oneOf('trigger', trigger, triggerNames));
}

export function triggerOf(name: string): Trigger {
  return TRIGGERS.find(trigger => trigger.name === name)!;
}

export function geometryOf(name: string): Geometry {
  return GEOMETRIES.find(geometry => geometry.name === name)!;
}

/** What a command that takes these options is given when a user gives none. */
export function defaultsOf<T extends Options>(options: T): Given<T> {
  const entries = Object.entries(options).map(([name, facts]) => [
    name,
    facts.repeatable ? [] : facts.value === undefined ? false : facts.default,
  ]);
  return { ...Object.fromEntries(entries), positionals: [] } as Given<T>;
}

/** The machine when no option is given. */
export const DEFAULT_MACHINE: MachineChoice = readMachineOptions(defaultsOf(MACHINE_OPTIONS));
