/** What to type next, and where the debug symbols for it come from. */
import type { Manifest } from '../../../capture/storage/manifest.ts';

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

interface SymbolSource {
  /** Fits `uname -v`, or the release where that does not name the distribution. */
  readonly pattern: RegExp;
  readonly install: (release: string) => string;
  readonly vmlinux: (release: string) => string;
}

const SYMBOL_SOURCES: readonly SymbolSource[] = [
  {
    // Ubuntu's version says Ubuntu. From the archive of debug symbols, ddebs.
    pattern: /Ubuntu/,
    install: release => `apt install linux-image-unsigned-${release}-dbgsym`,
    vmlinux: release => `/usr/lib/debug/boot/vmlinux-${release}`,
  },
  {
    pattern: /Debian/,
    install: release => `apt install linux-image-${release}-dbg`,
    vmlinux: release => `/usr/lib/debug/boot/vmlinux-${release}`,
  },
  {
    pattern: /\.(fc|el)\d/,
    install: release => `dnf debuginfo-install kernel-core-${release}`,
    vmlinux: release => `/usr/lib/debug/lib/modules/${release}/vmlinux`,
  },
];
const ANY_KERNEL: Pick<SymbolSource, 'vmlinux'> = { vmlinux: () => 'vmlinux' };

export function nextSteps({ id, directory, state, kernel, dumpFile, logFile }: Saved): NextStep[] {
  const steps: NextStep[] = [];
  if (logFile !== undefined)
    steps.push({ command: `less ${directory}/${logFile}`, why: 'the kernel log up to the crash' });
  if (dumpFile !== undefined) {
    const { release = '' } = kernel;
    const named = `${kernel.version ?? ''} ${release}`;
    const source = release === '' ? undefined : SYMBOL_SOURCES.find(({ pattern }) => pattern.test(named));
    const { vmlinux } = source ?? ANY_KERNEL;
    const dump = `${directory}/${dumpFile}`;
    if (state === 'complete') steps.push({ command: `kdumpling verify ${id}`, why: 'whether it is whole' });
    steps.push({
      command: source?.install(release) ?? `find vmlinux with debug symbols for ${release || 'this kernel'}`,
      why: `debug symbols${kernel.buildId ? `, build id ${kernel.buildId}` : ''}`,
    });
    steps.push({ command: `crash ${vmlinux(release)} ${dump}`, why: 'bt, ps, log, files' });
    steps.push({ command: `drgn -c ${dump} -s ${vmlinux(release)}`, why: 'the same from Python' });
  }
  steps.push({ command: `kdumpling upload --report ${id} URL`, why: 'share this report' });
  return steps;
}
