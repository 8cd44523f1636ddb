/** The debuggers for dumps, as data: how each is installed, called, and left. */
import type { ModuleFiles } from './module-files.ts';
import type { Vmlinux } from './vmlinux.ts';

export type DebuggerName = 'crash' | 'drgn';

/** What the debugger is started on: absolute paths. */
export interface Session {
  readonly dump: string;
  readonly vmlinux: Vmlinux;
  readonly modules: ModuleFiles;
  readonly batch?: string;
}

export interface Debugger {
  /** Of a distribution, by ID and ID_LIKE of os-release(5). */
  readonly package: (distribution: string) => string;
  /** What the file of --batch holds. */
  readonly batch: string;
  /** Reads dumps of other architectures. */
  readonly readsForeign: boolean;
  readonly arguments: (session: Session) => string[];
  /** What it reads in place of the terminal when it runs a batch. */
  readonly batchInput: string;
}

export const DEBUGGERS: Readonly<Record<DebuggerName, Debugger>> = {
  crash: {
    package: () => 'crash',
    batch: 'commands of crash, one a line',
    readsForeign: false,
    arguments: ({ dump, vmlinux, modules, batch }) => [
      ...(modules.directory === undefined ? [] : ['--mod', modules.directory]),
      // Silent, and so without a pager.
      ...(batch === undefined ? [] : ['-s', '-i', batch]),
      ...(vmlinux.image === undefined ? [] : [vmlinux.image]),
      vmlinux.path,
      dump,
    ],
    // At the end of its input it would end with exit code 1.
    batchInput: 'exit\n',
  },
  drgn: {
    package: distribution => (/\b(debian|ubuntu)\b/.test(distribution) ? 'python3-drgn' : 'drgn'),
    batch: 'a Python script',
    readsForeign: true,
    arguments: ({ dump, vmlinux, modules, batch }) => [
      '-c',
      dump,
      ...[vmlinux.path, ...modules.files].flatMap(file => ['-s', file]),
      ...(batch === undefined ? [] : [batch]),
    ],
    batchInput: '',
  },
};

const INSTALLERS: readonly (readonly [distribution: RegExp, command: string])[] = [
  [/\b(debian|ubuntu)\b/, 'apt install'],
  [/\b(fedora|rhel|centos|amzn)\b/, 'dnf install'],
  [/\bsuse\b/, 'zypper install'],
];

/** `apt install crash` */
export function installCommand(name: DebuggerName, distribution: string): string {
  const command = INSTALLERS.find(([pattern]) => pattern.test(distribution))?.[1] ?? 'install';
  return `${command} ${DEBUGGERS[name].package(distribution)}`;
}
