/** Who reads the kernel log in a dump: makedumpfile where it can, and drgn for a dump of another architecture than its own. */
import type { Tool } from '../../build/fetch/tools.ts';
import { dumpDmesg } from './makedumpfile.ts';
import { pythonScript, runPython } from './python.ts';

export interface LogReader {
  /** With its version. */
  readonly name: string;
  read(dump: string): Promise<string>;
}

export function byMakedumpfile(tool: Tool): LogReader {
  return { name: `makedumpfile ${tool.version}`, read: dump => dumpDmesg(tool, dump) };
}

export function byDrgn(tool: Tool, vmlinux: () => Promise<string>): LogReader {
  return {
    name: `drgn ${tool.version}`,
    async read(dump) {
      const args = [dump, await vmlinux()];
      return (await runPython<{ log: string }>(tool, pythonScript('kernel_log.py'), args, 300)).log;
    },
  };
}
