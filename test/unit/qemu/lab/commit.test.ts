/** The commit by which captures count for later searches, in a repository that is made up. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { PROJECT } from '../../../../build/paths.ts';
import { CAPTURE_FILES, captureCommit } from '../../../../qemu/lab/commit.ts';

const project = mkdtempSync(join(tmpdir(), 'kdumpling-commit-'));
afterAll(() => rmSync(project, { recursive: true }));

const git = (...words: string[]) =>
  execFileSync('git', ['-C', project, '-c', 'user.name=lab', '-c', 'user.email=lab@localhost', ...words]);

function write(path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
}

/** What a commit of such a file makes of it. */
function commitAfter(path: string): string {
  write(path, 'committed');
  git('add', '-A');
  git('commit', '-qm', path);
  return captureCommit(project);
}

test('is the newest that changed what a capture is made of', () => {
  git('init', '-q');
  const first = commitAfter('capture/main.ts');
  expect(first).toMatch(/^[0-9a-f]{4,}$/);
  const others = [
    'README.md',
    'capture/README.md',
    'build/package/man/a.ts',
    'qemu/search/main.ts',
    'test/a.ts',
  ];
  for (const other of others) expect(commitAfter(other), other).toBe(first);
  const changing = ['build/bundle.ts', 'initrd/early.sh', 'package-lock.json', 'qemu/guest/first-kernel.sh'];
  for (const path of changing) expect(commitAfter(path), path).not.toBe(first);

  const last = captureCommit(project);
  write('README.md', 'changed');
  expect(captureCommit(project)).toBe(last);
  write('capture/main.ts', 'changed');
  expect(captureCommit(project)).toBe(`${last}+`);
});

test('is empty outside of a repository', () => {
  expect(captureCommit(tmpdir())).toBe('');
});

test('what a capture is made of exists', () => {
  expect(CAPTURE_FILES.filter(path => !existsSync(join(PROJECT, path)))).toEqual([]);
});
