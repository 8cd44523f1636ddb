/** Commits of the project that is running. */
import { execFileSync } from 'node:child_process';
import { PROJECT } from '../../build/paths.ts';

/**
 * What a capture is made of: the image; the machine that crashes, what it holds in memory and how it loads the crash kernel; the
 * crash kernel's command line. The rest of the lab looks on: how it searches, judges and tells changes no capture.
 */
export const CAPTURE_FILES: readonly string[] = [
  ...['capture', 'build', 'initrd', 'package.json', 'package-lock.json'],
  ...['qemu/lab/image.ts', 'qemu/faults/speed.ts', 'qemu/guest', 'qemu/run/run.ts', 'qemu/run/crash-cpus.ts'],
  ...['scripts/lib/kexec', 'scripts/lib/estimate/cpus.ts'],
];
/** Documents, and what becomes of a finished build. */
const NOT_OF_IT = ['*.md', 'build/package'].map(path => `:(exclude)${path}`);

/** `a21d72a`, with a `+` where files differ from it. Empty where git does not know. */
export function projectCommit(): string {
  return commitOf(PROJECT, ['rev-parse', '--short', 'HEAD'], []);
}

/** The newest commit that changed what a capture is made of, with a `+` where its files differ. Empty where git does not know. */
export function captureCommit(project = PROJECT): string {
  const files = ['--', ...CAPTURE_FILES, ...NOT_OF_IT];
  return commitOf(project, ['log', '-1', '--format=%h', ...files], files);
}

function commitOf(project: string, question: readonly string[], files: readonly string[]): string {
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', project, ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    const changes = git('status', '--porcelain', '--untracked-files=no', ...files);
    return `${git(...question)}${changes === '' ? '' : '+'}`;
  } catch {
    return '';
  }
}
