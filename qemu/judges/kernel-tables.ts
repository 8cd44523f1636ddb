/** What tables a crashed kernel held, by drgn with the debug symbols (kernel_tables.py): what `mod`, `mem`, … are judged by. */
import type { Tool } from '../../build/fetch/tools.ts';
import { pythonScript, runPython } from './python.ts';

/** An address in hexadecimal, with 0x. */
type Address = string;
type Row = Readonly<Record<string, unknown>>;

export interface KernelTables {
  readonly modules: readonly Row[];
  readonly zones: readonly Row[];
  readonly slab_caches: readonly Row[];
  readonly huge_pages: readonly Row[];
  readonly mounts: readonly Row[];
  readonly processes: readonly {
    readonly pid: number;
    readonly address: Address;
    /** null for a kernel thread that has exited. */
    readonly root: string | null;
    readonly cwd: string | null;
    readonly files: readonly {
      readonly fd: number;
      readonly file: Address;
      readonly dentry: Address;
      readonly inode: Address;
      /** S_IFMT only. */
      readonly mode: number;
      /** In brackets the type of a file system whose files have no path. */
      readonly path: string;
    }[];
  }[];
  /** In kB, but for numbers of huge pages. */
  readonly meminfo: Readonly<Record<string, number>>;
}

/** @param path a dump, or a raw vmcore. */
export function kernelTables(drgn: Tool, path: string, vmlinux: string): Promise<KernelTables> {
  return runPython<KernelTables>(drgn, pythonScript('kernel_tables.py'), [path, vmlinux], 300);
}
