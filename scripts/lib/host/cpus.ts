/** The machine's CPUs, and whether its crash kernel can start more of them than the one that crashed. */
import type { Host } from './host.ts';
import { isVirtualMachine } from './virtual-machine.ts';

/** Linux Documentation/admin-guide/cputopology.rst: `0-3,8`. */
const PRESENT = '/sys/devices/system/cpu/present';
const CPUINFO = '/proc/cpuinfo';

/** Those that are there, online or not; 1 where the kernel does not say it. */
export function machineCpus(host: Host): number {
  const ranges = (host.read(PRESENT) ?? '').trim().split(',');
  const count = ranges.reduce((sum, range) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    return first === undefined ? sum : sum + Number(last) - Number(first) + 1;
  }, 0);
  return Math.max(1, count);
}

/** Of the first CPU, which is the one that an x86 machine starts on; undefined where the kernel does not say it. */
export function bootApicId(host: Host): number | undefined {
  const id = /^initial apicid\s*:\s*(\d+)$/m.exec(host.read(CPUINFO) ?? '')?.[1];
  return id === undefined ? undefined : Number(id);
}

/**
 * Flags of /proc/cpuinfo in virtual machines with encrypted memory. Their CPUs are started by the firmware or the host, which
 * may not start a CPU twice (Linux arch/x86/kernel/acpi/madt_wakeup.c, arch/x86/coco/sev/core.c).
 */
const ENCRYPTED = /^flags\s*:.*\b(tdx_guest|sev_es|sev_snp)\b/m;

const OBSTACLES: Readonly<Record<string, (host: Host) => string | undefined>> = {
  x64(host) {
    if (bootApicId(host) === undefined)
      return 'the CPU on which the machine boots, which it must not start, is not known';
    if (isVirtualMachine(host) && ENCRYPTED.test(host.read(CPUINFO) ?? ''))
      return 'the CPUs of an encrypted virtual machine may not start again';
    return undefined;
  },
  // The CPUs that a panic stops are turned off by the firmware, which can start them again (Linux arch/arm64/kernel/smp.c,
  // ipi_cpu_crash_stop). Without it they are parked in the crashed kernel's code.
  arm64: host =>
    FIRMWARE_WITH_PSCI.some(path => host.exists(path))
      ? undefined
      : 'this machine’s firmware cannot start others after a crash',
};

/** PSCI is in the device tree, or firmware is ACPI's, which needs it on arm64 (Linux Documentation/arch/arm64/acpi_object_usage.rst). */
const FIRMWARE_WITH_PSCI = ['/proc/device-tree/psci', '/sys/firmware/acpi/tables'];

/** Why the crash kernel must not start a second CPU; undefined where it may. */
export function secondCpuObstacle(host: Host, architecture: string = process.arch): string | undefined {
  const obstacle = OBSTACLES[architecture];
  return obstacle ? obstacle(host) : 'on this architecture it was never tried';
}
