import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { replaceFile, replaceFileMadeBy } from '../../../../capture/storage/place/durable-file.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'durable-'));
  file = join(directory, 'file');
});
afterEach(() => rmSync(directory, { recursive: true }));

const text = (path = file) => readFileSync(path, 'utf8');
const mode = (path = file) => statSync(path).mode & 0o7777;

describe('a file is replaced', () => {
  test('a new one gets the mode that is asked for', () => {
    expect(replaceFile(file, 'größer\n', { mode: 0o600 })).toBe(9);
    expect([text(), mode()]).toEqual(['größer\n', 0o600]);
  });

  test('in pieces', () => {
    expect(replaceFile(file, [Buffer.from('one '), Buffer.from('two')])).toBe(7);
    expect(text()).toBe('one two');
  });

  test('an existing one keeps its mode and owner', () => {
    writeFileSync(file, 'old');
    chmodSync(file, 0o640);
    if (process.getuid?.() === 0) chownSync(file, 1, 2);
    const { uid, gid } = statSync(file);
    replaceFile(file, 'new', { mode: 0o644 });
    expect([text(), mode()]).toEqual(['new', 0o640]);
    expect(statSync(file)).toMatchObject({ uid, gid });
  });

  test.skipIf(spawnSync('python3', ['-V']).error)('and its extended attributes, a label among them', () => {
    writeFileSync(file, 'old');
    python(`os.setxattr(${JSON.stringify(file)}, 'user.label', b'kept')`);
    replaceFile(file, 'new');
    expect(python(`print(os.getxattr(${JSON.stringify(file)}, 'user.label').decode())`).trim()).toBe('kept');
  });

  test('nothing but the file stays in the directory', () => {
    replaceFile(file, 'one');
    replaceFile(file, 'two');
    expect(readdirSync(directory)).toEqual(['file']);
  });

  test('made by another program', async () => {
    writeFileSync(file, 'old', { mode: 0o600 });
    utimesSync(file, 0, 0);
    await replaceFileMadeBy(file, async temporary => writeFileSync(temporary, 'new'));
    expect([text(), mode(), readdirSync(directory)]).toEqual(['new', 0o600, ['file']]);
    expect(statSync(file).mtimeMs).toBeGreaterThan(0);
  });
});

describe('a link stays a link', () => {
  const link = () => join(directory, 'link');

  test.each([['file'], ['./sub/../file']])('to %s', to => {
    mkdirSync(join(directory, 'sub'));
    writeFileSync(file, 'old');
    symlinkSync(to, link());
    replaceFile(link(), 'new');
    expect([readlinkSync(link()), text(), lstatSync(file).isFile()]).toEqual([to, 'new', true]);
  });

  test('to a file that does not exist yet', () => {
    symlinkSync('file', link());
    replaceFile(link(), 'new');
    expect([readlinkSync(link()), text()]).toEqual(['file', 'new']);
  });

  test('below the root of another machine, an absolute one leads to that machine’s file', () => {
    mkdirSync(join(directory, 'etc'));
    symlinkSync('/etc/real', join(directory, 'link'));
    symlinkSync('../../../../etc', join(directory, 'up'));
    replaceFile(link(), 'one', { root: directory });
    replaceFile(join(directory, 'up/other'), 'two', { root: directory });
    expect([text(join(directory, 'etc/real')), text(join(directory, 'etc/other'))]).toEqual(['one', 'two']);
  });

  test('a circle is refused', () => {
    symlinkSync('link', link());
    expect(() => replaceFile(link(), 'new')).toThrow('its symbolic links form a circle');
  });
});

describe('what fails leaves the old file and nothing else', () => {
  test('while it is written', () => {
    writeFileSync(file, 'old');
    const pieces = function* () {
      yield Buffer.from('new');
      throw new Error('no more');
    };
    expect(() => replaceFile(file, pieces())).toThrow('no more');
    expect([text(), readdirSync(directory)]).toEqual(['old', ['file']]);
  });

  test('while another program makes it', async () => {
    writeFileSync(file, 'old');
    const made = replaceFileMadeBy(file, async temporary => {
      writeFileSync(temporary, 'half');
      throw new Error('no more');
    });
    await expect(made).rejects.toThrow('no more');
    expect([text(), readdirSync(directory)]).toEqual(['old', ['file']]);
  });

  test('a device, a pipe and a directory are not replaced', () => {
    mkdirSync(file);
    expect(() => replaceFile(file, 'new')).toThrow('it is a directory; expected a regular file');
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(() => replaceFile(pipe, 'new')).toThrow(/a pipe or a socket; expected a regular file/);
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });
});

test('what a killed process left is removed by the next writer, and nothing that is young or another’s', () => {
  const old = ['.file.4194301-00000000.tmp', '.file.2-7.tmp', '.other.4194301-00000000.tmp'];
  for (const name of old) writeFileSync(join(directory, name), 'half');
  for (const name of old) utimesSync(join(directory, name), 0, 0);
  writeFileSync(join(directory, '.file.4194301-00000001.tmp'), 'half');
  replaceFile(file, 'new');
  expect(readdirSync(directory).sort()).toEqual([
    '.file.2-7.tmp',
    '.file.4194301-00000001.tmp',
    '.other.4194301-00000000.tmp',
    'file',
  ]);
});

test('writers at once: each succeeds, and the file is one of theirs, whole', async () => {
  const module = join(import.meta.dirname, '../../../../capture/storage/place/durable-file.ts');
  const code = `import { replaceFile } from ${JSON.stringify(module)};
    const [path, letter] = process.argv.slice(1);
    for (let i = 0; i < 40; i++) replaceFile(path, letter.repeat(100_000));`;
  const ends = ['a', 'b', 'c'].map(async letter => {
    const args = ['--no-warnings', '--input-type=module', '-e', code, file, letter];
    return (await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit'))[0];
  });
  expect(await Promise.all(ends)).toEqual([0, 0, 0]);
  expect(text()).toMatch(/^(a{100000}|b{100000}|c{100000})$/);
  expect(readdirSync(directory)).toEqual(['file']);
}, 60_000);

function python(code: string): string {
  return execFileSync('python3', ['-c', `import os\n${code}`], { encoding: 'utf8' });
}
