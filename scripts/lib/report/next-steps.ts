/** What to type next, and where the debug symbols for it come from. */
import type { Manifest } from '../../../capture/storage/manifest.ts';
import { symbolPackage } from '../debug-packages/symbol-packages.ts';

export interface NextStep {
  readonly command: string;
  readonly why: string;
}

export interface Saved {
  readonly id: string;
  readonly directory: string;
  readonly state: string;
  readonly kernel: Manifest['kernel'];
  readonly dumpFile?: string;
  readonly logFile?: string;
}

export function nextSteps({ id, directory, state, kernel, dumpFile, logFile }: Saved): NextStep[] {
  const steps: NextStep[] = [];
  if (logFile !== undefined)
    steps.push({ command: `less ${directory}/${logFile}`, why: 'the kernel log up to the crash' });
  if (dumpFile !== undefined) {
    const { release = '', version = '' } = kernel;
    if (state === 'complete') steps.push({ command: `kdumpling verify ${id}`, why: 'whether it is whole' });
    steps.push({
      command:
        symbolPackage({ release, version })?.install({ release, version }) ??
        `find vmlinux with debug symbols for ${release || 'this kernel'}`,
      why: `debug symbols${kernel.buildId ? `, build id ${kernel.buildId}` : ''}`,
    });
    steps.push({ command: `kdumpling debug ${id}`, why: 'crash or drgn on the dump, with these symbols' });
  }
  steps.push({ command: `kdumpling upload --report ${id} URL`, why: 'share this report' });
  return steps;
}
