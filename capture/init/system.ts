/** What PID 1 asks of the kernel, each call with its ways in order. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import {
  type Libc,
  MS_DIRSYNC,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REMOUNT,
  RB_AUTOBOOT,
  RB_HALT_SYSTEM,
  RB_POWER_OFF,
} from '../ffi/libc.ts';
import type { Checker } from '../options/file-systems.ts';
import type { FinalAction } from '../options/schema.ts';
import { busybox } from './busybox.ts';
import { preen } from './fsck.ts';
import { firstThatWorks, type Way } from './ways.ts';

/** Mount options that are flags of mount(2), by their names in mount(8); all others are the file system's own. */
const MOUNT_FLAGS: Readonly<Record<string, number>> = {
  ro: MS_RDONLY,
  rw: 0,
  nosuid: MS_NOSUID,
  nodev: MS_NODEV,
  noexec: MS_NOEXEC,
  dirsync: MS_DIRSYNC,
  remount: MS_REMOUNT,
};

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly fstype: string;
  /** As in mount(8). */
  readonly options: readonly string[];
}

/** Each throws SystemError when no way worked. */
export interface System {
  mount(mount: Mount): void;
  umount(target: string): void;
  loadModule(path: string): void;
  /**
   * Repairs what is safe to repair in an ext file system that is not mounted. Returns what the checker says;
   * undefined where there is none.
   */
  preen(device: string, checker: Checker): readonly string[] | undefined;
  /** From now on the kernel's own lines stay in its log: on the console they would break into one of ours. */
  quietKernel(): void;
  /** Does not return when it works. */
  goHome(action: FinalAction): void;
}

const HOME: Readonly<Record<FinalAction, { command: number; applet: string; sysrq: string }>> = {
  reboot: { command: RB_AUTOBOOT, applet: 'reboot', sysrq: 'b' },
  halt: { command: RB_HALT_SYSTEM, applet: 'halt', sysrq: 'b' },
  poweroff: { command: RB_POWER_OFF, applet: 'poweroff', sysrq: 'o' },
};

/** @param libc undefined when the FFI could not be opened: the second ways carry on. */
export function openSystem(libc: Libc | undefined, onFailure: (text: string) => void): System {
  const ways = <Args extends readonly unknown[]>(
    action: string,
    byLibc: (libc: Libc, ...args: Args) => void,
    ...others: Way<Args>[]
  ) => {
    const first: Way<Args>[] = libc ? [{ name: 'system call', run: (...args) => byLibc(libc, ...args) }] : [];
    return firstThatWorks(action, [...first, ...others], onFailure);
  };
  return {
    mount: ways(
      'mount',
      (libc, { source, target, fstype, options }) => {
        const isFlag = (option: string) => Object.hasOwn(MOUNT_FLAGS, option);
        const bits = options.filter(isFlag).reduce((sum, flag) => sum | MOUNT_FLAGS[flag], 0);
        const data = options.filter(option => !isFlag(option)).join(',');
        libc.mount(source, target, fstype, bits, data);
      },
      {
        name: 'busybox',
        run: ({ source, target, fstype, options }) =>
          busybox('mount', '-t', fstype, '-o', options.join(',') || 'defaults', source, target),
      },
    ),
    umount: ways('unmount', (libc, target) => libc.umount(target), {
      name: 'busybox',
      run: (target: string) => busybox('umount', target),
    }),
    loadModule: ways('load a module', loadModuleFile, {
      name: 'busybox',
      run: (path: string) => busybox('insmod', path),
    }),
    preen,
    quietKernel: firstThatWorks(
      "keep the kernel's lines off the console",
      [
        { name: '/proc', run: () => writeFileSync('/proc/sys/kernel/printk', '1') },
        { name: 'sysrq', run: () => writeFileSync('/proc/sysrq-trigger', '1') },
      ],
      onFailure,
    ),
    goHome: ways(
      'go home',
      (libc, action) => libc.reboot(HOME[action].command),
      { name: 'busybox', run: (action: FinalAction) => busybox(HOME[action].applet, '-f') },
      { name: 'sysrq', run: action => writeFileSync('/proc/sysrq-trigger', HOME[action].sysrq) },
    ),
  };
}

function loadModuleFile(libc: Libc, path: string): void {
  const fd = openSync(path, 'r');
  try {
    libc.finitModule(fd, '');
  } finally {
    closeSync(fd);
  }
}
