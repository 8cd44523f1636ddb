/** The machine that crashes inside a system image: the image as its disk, and the lab's own disk as its last one. */
import { join } from 'node:path';
import type { GuestFile } from '../../build/fetch/tools.ts';
import type { Parts } from '../../build/parts/parts.ts';
import { LAB_ROOT_UUID } from '../../build/stock-image.ts';
import { type DiskKind, makeBootDisk } from '../disks/boot-disk.ts';
import { busOf } from '../disks/buses.ts';
import { fileSystemOf } from '../disks/file-systems.ts';
import { buildFirstKernelInitrd, stageBootDisk } from '../guest/root.ts';
import type { LabKernel } from '../kernel/lab-kernel.ts';
import { type Accel, labArch } from '../machine/arch.ts';
import type { MachineSpec } from '../machine/machine.ts';
import { type SystemImage, UNWRITTEN } from '../system/system-image.ts';
import type { Trigger } from '../triggers/trigger.ts';

/** What of a crash concerns a system image. */
export interface SystemPlan {
  readonly kernel: LabKernel;
  readonly captureKernel: LabKernel;
  readonly tools: readonly GuestFile[];
  readonly parts: Parts;
  readonly captureInitrd: string;
  readonly accel: Accel;
  readonly cpus: number;
  readonly memoryMib: number;
  /** Its bus is the image's. */
  readonly diskKind: DiskKind;
  readonly diskMib: number;
  readonly beforeArming: string;
  readonly trigger: Trigger;
  readonly deadlineSeconds: number;
  readonly devices: readonly string[];
  readonly firstKernelDrivers: readonly string[];
}

export interface CommandLines {
  readonly first: string;
  readonly crash: string;
}

/** The lab's disk: the crash kernel's files, and after the crash what was saved. */
export const LAB_DISK: DiskKind = { bus: 'virtio-blk', fs: 'ext4', layout: 'whole' };

/** Of the deadline, the system's own boot has this share. */
const BOOT_SHARE = 0.5;

/** @param disk the path of the lab's disk, which is made */
export async function prepareSystemMachine(
  system: SystemImage,
  plan: SystemPlan,
  commandLines: CommandLines,
  work: string,
  disk: string,
): Promise<MachineSpec> {
  const { kernel, captureKernel, diskKind, accel } = plan;
  const staging = join(work, 'disk');
  await stageBootDisk(staging, captureKernel, { captureInitrd: plan.captureInitrd });
  await makeBootDisk(disk, plan.diskMib, LAB_DISK, LAB_ROOT_UUID, staging);
  const initrd = join(work, 'first-kernel.img');
  const [bus, labBus] = [busOf(diskKind.bus), busOf(LAB_DISK.bus)];
  await buildFirstKernelInitrd({
    kernel,
    init: 'system-image.sh',
    tools: plan.tools,
    parts: plan.parts,
    files: [{ path: '/agent.sh', source: join(import.meta.dirname, '../guest/system-agent.sh') }],
    drivers: [
      ...bus.drivers,
      ...labBus.drivers,
      ...fileSystemOf(system.root.fs).drivers,
      ...plan.firstKernelDrivers,
    ],
    commands: ['blkid'],
    settings: {
      kver: captureKernel.release,
      root_uuid: system.root.uuid,
      fstype: system.root.fs,
      mount_options: system.root.mountOptions,
      lab_disk: labBus.node(diskKind.bus === LAB_DISK.bus ? 1 : 0),
      crash_command_line: commandLines.crash,
      before_arming: plan.beforeArming,
      before_crash: '',
      trigger: plan.trigger.command,
      up_seconds: String(Math.round(plan.deadlineSeconds * BOOT_SHARE)),
    },
    output: initrd,
  });
  return {
    accel,
    // As for the Debian of `npm run machine`, which is a system as well.
    translatedMib: 128,
    cpuFeatures: accel === 'tcg' ? labArch().debianGuest.emulatedCpu : [],
    memoryMib: plan.memoryMib,
    cpus: plan.cpus,
    boot: { vmlinuz: kernel.vmlinuz, initrd, commandLine: commandLines.first },
    disk: system.path,
    diskFormat: system.format,
    bus: diskKind.bus,
    driveOptions: UNWRITTEN,
    moreDisks: [{ file: disk }],
    devices: plan.devices,
    deadlineSeconds: plan.deadlineSeconds,
  };
}
