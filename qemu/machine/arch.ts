/** What differs between architectures in the lab: one row each. A new architecture is a new row. */
import type { HostPackage } from '../../build/host/host-packages.ts';
import { SystemError } from '../../capture/errors.ts';

export type Accel = 'kvm' | 'tcg';

export interface LabArch {
  /** Node's name for it (process.arch). */
  readonly node: NodeJS.Architecture;
  /** Debian's name for it, at the end of package names and kernel releases. */
  readonly debian: string;
  readonly qemuCommand: string;
  /** Debian's package with that command. */
  readonly qemuPackage: string;
  /** QEMU's -machine. */
  readonly machine: string;
  /** Where its memory begins. */
  readonly memoryFromMib: number;
  /** QEMU's -cpu. */
  readonly cpu: Readonly<Record<Accel, string>>;
  /** CPU features that leave the kernel with four page-table levels where it could have five. */
  readonly fourLevels: readonly string[];
  /** The kernel's name for the first serial port. */
  readonly console: string;
  /** Words that its kernels need under emulation, whose timers may stand still on a busy host. */
  readonly emulated: readonly string[];
  /** Words that make the kernel print before its console driver starts. */
  readonly earlyConsole: string;
  /** UEFI firmware: Debian's package, and in it the code and the empty variables. */
  readonly uefi: { readonly package: string; readonly code: string; readonly variables: string };
  /** QEMU options that attach an AHCI controller whose ports are ide.0 and so on, where the machine has none. */
  readonly ahci: readonly string[];
  /** Hardware watchdogs that QEMU can attach, by the lab's name for them. */
  readonly watchdogs: Readonly<Record<string, LabWatchdog>>;
  /** Whether the lab's kexec-tools can load a crash kernel there; if not, kdumpling does it itself. */
  readonly kexecTools: boolean;
  /** Whether blocks of QEMU's kdump-compressed dumps are the kernel's pages. */
  readonly kdumpOfPages: boolean;
  /** The Debian guest of `npm run machine`. */
  readonly debianGuest: {
    /** The package that puts a boot loader on the disk. */
    readonly bootLoader: string;
    /** Shell commands that put it there, run as root in the guest. */
    readonly installBootLoader: string;
    /** Whether the machine boots by UEFI, from a partition of its own. */
    readonly uefi: boolean;
    /** CPU features to turn off under software emulation. */
    readonly emulatedCpu: readonly string[];
    /** The serial port of the lab's agent: the guest's name for it, and QEMU options that connect it to a -chardev. */
    readonly agentPort: {
      readonly node: string;
      readonly devices: (chardev: string) => readonly string[];
    };
  };
}

export interface LabWatchdog {
  /** QEMU options. */
  readonly devices: readonly string[];
  readonly drivers: readonly string[];
  /** What Linux calls it (/sys/class/watchdog/watchdog0/identity). */
  readonly identity: string;
  /** Time that the first kernel sets. */
  readonly seconds: number;
}

const LAB_ARCHES: readonly LabArch[] = [
  {
    node: 'x64',
    debian: 'amd64',
    qemuCommand: 'qemu-system-x86_64',
    qemuPackage: 'qemu-system-x86',
    machine: 'q35',
    memoryFromMib: 0,
    cpu: { kvm: 'host', tcg: 'max' },
    fourLevels: ['la57=off'],
    console: 'ttyS0',
    // Without it: "Kernel panic - not syncing: IO-APIC + timer doesn't work!" (Linux arch/x86/kernel/apic/io_apic.c, check_timer)
    emulated: ['no_timer_check'],
    earlyConsole: 'earlyprintk=ttyS0',
    uefi: {
      package: 'ovmf',
      code: 'usr/share/OVMF/OVMF_CODE_4M.fd',
      variables: 'usr/share/OVMF/OVMF_VARS_4M.fd',
    },
    ahci: [],
    watchdogs: {
      // Every q35 machine has an iTCO as well. By QEMU's defaults it runs and resets nothing.
      i6300esb: {
        devices: ['-device', 'i6300esb', '-action', 'watchdog=reset'],
        drivers: ['i6300esb'],
        identity: 'i6300ESB timer',
        seconds: 60,
      },
      itco: {
        devices: ['-global', 'ICH9-LPC.noreboot=false', '-action', 'watchdog=reset'],
        drivers: ['lpc_ich', 'iTCO_wdt'],
        identity: 'iTCO_wdt',
        seconds: 60,
      },
    },
    kexecTools: true,
    kdumpOfPages: true,
    debianGuest: {
      bootLoader: 'grub-pc',
      installBootLoader: `echo 'grub-pc grub-pc/install_devices string /dev/vda' | debconf-set-selections
grub-install /dev/vda`,
      uefi: false,
      /*
       * svm: Debian would load kvm, which takes half a minute under emulation. xlevel: without SVM, QEMU 7.2 ends CPUID
       * below the leaf with the address widths; the kernel then assumes 48 bits, even with 5-level page tables, and
       * rejects its own pointers. erms, fsrm: emulation runs the fast string instructions byte by byte.
       */
      emulatedCpu: ['svm=off', 'xlevel=0x80000008', 'erms=off', 'fsrm=off'],
      agentPort: { node: '/dev/ttyS1', devices: chardev => ['-serial', `chardev:${chardev}`] },
    },
  },
  {
    node: 'arm64',
    debian: 'arm64',
    qemuCommand: 'qemu-system-aarch64',
    qemuPackage: 'qemu-system-arm',
    machine: 'virt',
    // QEMU hw/arm/virt.c
    memoryFromMib: 1024,
    // pauth-impdef: QEMU's exact algorithm for pointer authentication makes a boot five times as long.
    cpu: { kvm: 'host', tcg: 'max,pauth-impdef=on' },
    fourLevels: ['lpa2=off'],
    console: 'ttyAMA0',
    emulated: [],
    earlyConsole: 'earlycon',
    uefi: {
      package: 'qemu-efi-aarch64',
      code: 'usr/share/AAVMF/AAVMF_CODE.fd',
      variables: 'usr/share/AAVMF/AAVMF_VARS.fd',
    },
    ahci: ['-device', 'ich9-ahci,id=ide'],
    watchdogs: {},
    // Debian's kernels have no kexec_file_load, and for kexec_load the tool of Debian 12 writes wrong program headers where
    // the kernel was built without KALLSYMS_ALL (6.1).
    kexecTools: false,
    // They have 64 KiB, whatever the kernel's pages are (QEMU target/arm/arch_dump.c).
    kdumpOfPages: false,
    debianGuest: {
      bootLoader: 'grub-efi-arm64',
      // The path that firmware looks for by itself: its variables are empty at every start of QEMU.
      installBootLoader: 'grub-install --target=arm64-efi --efi-directory=/boot/efi --removable --no-nvram',
      uefi: true,
      emulatedCpu: [],
      // QEMU's virt has one serial port.
      agentPort: { node: '/dev/ttyS0', devices: chardev => ['-device', `pci-serial,chardev=${chardev}`] },
    },
  },
];

/** Debian's package with the emulator, as `ensureHostPackages` takes it. */
export function emulatorPackage({ qemuPackage, qemuCommand }: LabArch): HostPackage {
  return { name: qemuPackage, provides: { command: qemuCommand }, why: 'the machine that crashes' };
}

/** By default the row of the machine that the lab runs on: its guests have that architecture. @throws SystemError NO_LAB_ARCH */
export function labArch(node: string = process.arch): LabArch {
  const arch = LAB_ARCHES.find(row => row.node === node);
  if (arch) return arch;
  throw new SystemError('NO_LAB_ARCH', {
    action: 'run a machine in QEMU',
    actual: `the lab does not know the architecture ${node}`,
    wanted: LAB_ARCHES.map(row => row.node).join(', '),
    toDo: 'Add a row to qemu/machine/arch.ts',
  });
}
