/** What PID 1 asks of the kernel. Each call has more than one way, tried in order. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Failure } from '../errors.ts';
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
import type { LogLine } from '../log.ts';
import type { Checker } from '../options/file-systems.ts';
import type { FinalAction } from '../options/schema.ts';
import { busybox } from './busybox.ts';
import { preen } from './fsck.ts';
import { readKernelLog } from './kernel-log.ts';
import { type SysrqKey, sysrq } from './sysrq.ts';
import { firstThatWorks, type Way } from './ways.ts';

/** Mount options that are flags of mount(2), by their names in mount(8). All others are passed to the file system. */
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

/** Each call throws SystemError when no way worked. */
export interface System {
  mount(mount: Mount): void;
  umount(target: string): void;
  /** @param parameters as in a command line: `name=value`, a value with blanks in double quotes. */
  loadModule(path: string, parameters: readonly string[]): void;
  /**
   * Repairs what is safe to repair in a file system that is not mounted. Returns the checker's output; undefined where
   * the image does not include the checker.
   */
  preen(device: string, checker: Checker): readonly string[] | undefined;
  /** Keeps the kernel's own lines off the console, where they would break into ours. They stay in its log. */
  quietKernel(): void;
  /** The capture kernel's own log, every record that its ring still holds. */
  readKernelLog(): LogLine[];
  /** Reboots, halts or powers off. Does not return when it works. */
  shutDown(action: FinalAction): void;
}

const SHUT_DOWN: Readonly<Record<FinalAction, { command: number; applet: string; key: SysrqKey }>> = {
  reboot: { command: RB_AUTOBOOT, applet: 'reboot', key: 'b' },
  // There is no key that halts.
  halt: { command: RB_HALT_SYSTEM, applet: 'halt', key: 'b' },
  poweroff: { command: RB_POWER_OFF, applet: 'poweroff', key: 'o' },
};

/** @param libc undefined when the FFI could not be opened: the other ways take over. */
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
      run: (path: string, parameters: readonly string[]) => busybox('insmod', path, ...parameters),
    }),
    preen,
    quietKernel: firstThatWorks(
      "keep the kernel's lines off the console",
      [
        { name: '/proc', run: () => writeFileSync('/proc/sys/kernel/printk', '1') },
        { name: 'sysrq', run: () => sysrq('1') },
      ],
      onFailure,
    ),
    readKernelLog,
    shutDown: ways(
      'shut down',
      (libc, action) => libc.reboot(SHUT_DOWN[action].command),
      // -n: everything saved is synced already, and a sync would wait for a disk that is stuck.
      { name: 'busybox', run: (action: FinalAction) => busybox(SHUT_DOWN[action].applet, '-nf') },
      { name: 'sysrq', run: action => sysrq(SHUT_DOWN[action].key) },
    ),
  };
}

function loadModuleFile(libc: Libc, path: string, parameters: readonly string[]): void {
  const fd = openSync(path, 'r');
  try {
    libc.finitModule(fd, parameters.join(' '));
  } catch (error) {
    // It was being loaded, and the call has waited for that.
    if (!(error instanceof Failure && error.facts.errno === constants.errno.EEXIST)) throw error;
  } finally {
    closeSync(fd);
  }
}
