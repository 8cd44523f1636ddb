/** The commit of the project that is running. */
import { execFileSync } from 'node:child_process';
import { PROJECT } from '../../build/paths.ts';

/** `a21d72a`, with a `+` where files differ from it. Empty where git does not know. */
export function projectCommit(): string {
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', PROJECT, ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    const changes = git('status', '--porcelain', '--untracked-files=no');
    return `${git('rev-parse', '--short', 'HEAD')}${changes === '' ? '' : '+'}`;
  } catch {
    return '';
  }
}
