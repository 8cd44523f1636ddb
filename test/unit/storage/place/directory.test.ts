import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDumpDirectory } from '../../../../capture/storage/place/directory.ts';
import { incompleteName } from '../../../../capture/storage/place/place.ts';

let mountpoint: string;
beforeEach(() => {
  mountpoint = mkdtempSync(join(tmpdir(), 'kdumpling-test-'));
});
afterEach(() => rmSync(mountpoint, { recursive: true, force: true }));

test.each([
  ['vmcore', 'vmcore-incomplete'],
  ['vmcore-dmesg.txt', 'vmcore-dmesg-incomplete.txt'],
])('%s is %s until it is whole', (name, incomplete) => expect(incompleteName(name)).toBe(incomplete));

test('private, and seen from the host by its own path', () => {
  const directory = createDumpDirectory(mountpoint, '/var/crash', 'S');
  expect(directory.pathOnHost).toBe('/var/crash/S');
  expect(statSync(directory.path).mode & 0o777).toBe(0o700);
  directory.writeDurably('vmcore-dmesg.txt', ['one\n', 'two\n']);
  expect(statSync(join(directory.path, 'vmcore-dmesg.txt')).mode & 0o777).toBe(0o600);
});

test('crashes of one second do not meet', () => {
  const names = [1, 2, 3].map(() => createDumpDirectory(mountpoint, '/var/crash', 'S').name);
  expect(names).toEqual(['S', 'S-2', 'S-3']);
});

describe('what is on the way and is no directory is refused, and what it leads to stays as it was', () => {
  const elsewhere = () => join(mountpoint, 'elsewhere');
  const inCrashPlace: Readonly<Record<string, (path: string) => void>> = {
    'a symbolic link': path => symlinkSync('/tmp', path),
    'a symbolic link within the file system': path => symlinkSync('../elsewhere', path),
    'a symbolic link to nowhere': path => symlinkSync('/nowhere', path),
    'a file': path => writeFileSync(path, 'kept'),
    'a pipe': path => execFileSync('mkfifo', [path]),
  };

  test.each(Object.entries(inCrashPlace))('%s as /var/crash', (kind, make) => {
    mkdirSync(join(mountpoint, 'var'));
    mkdirSync(elsewhere());
    make(join(mountpoint, 'var/crash'));
    const [found] = kind.split(/ within| to/);
    expect(() => createDumpDirectory(mountpoint, '/var/crash', 'S')).toThrow(
      `/var/crash: it is ${found}; expected a directory; links are not followed`,
    );
    expect(readdirSync(elsewhere())).toEqual([]);
  });

  test('a link as the first component', () => {
    mkdirSync(join(elsewhere(), 'crash'), { recursive: true });
    symlinkSync('elsewhere', join(mountpoint, 'var'));
    expect(() => createDumpDirectory(mountpoint, '/var/crash', 'S')).toThrow(/\/var: it is a symbolic link/);
    expect(readdirSync(join(elsewhere(), 'crash'))).toEqual([]);
  });

  test('a link with the name of this dump: another name is taken', () => {
    mkdirSync(join(mountpoint, 'var/crash'), { recursive: true });
    mkdirSync(elsewhere());
    symlinkSync('../../elsewhere', join(mountpoint, 'var/crash/S'));
    expect(createDumpDirectory(mountpoint, '/var/crash', 'S').name).toBe('S-2');
    expect(readdirSync(elsewhere())).toEqual([]);
  });

  test('a link with the name of a file of the dump', () => {
    const directory = createDumpDirectory(mountpoint, '/', 'S');
    symlinkSync('../kept', join(directory.path, 'vmcore-incomplete'));
    expect(() => directory.create('vmcore')).toThrow(/EEXIST/);
    expect(existsSync(join(mountpoint, 'kept'))).toBe(false);
  });
});

// chown(2) is root's.
describe.runIf(process.getuid?.() === 0)(
  'a directory that others can write to takes the dump, closed to them, with a warning',
  () => {
    test.each([
      ['world-writable', 0o777, 0, '/crash may be written by others than root (mode 777)'],
      ['of another user', 0o755, 1234, '/crash belongs to user 1234, who can remove the dump; expected root'],
      [
        'world-writable and of another user',
        0o777,
        1234,
        '/crash belongs to user 1234, who can remove the dump; expected root',
      ],
      ['as /tmp is (Ubuntu has /var/crash so)', 0o3777, 0, undefined],
      ['of root alone', 0o755, 0, undefined],
    ])('%s', (_, mode, uid, warning) => {
      const path = join(mountpoint, 'crash');
      mkdirSync(path);
      chmodSync(path, mode);
      chownSync(path, uid, 0);
      const warnings: string[] = [];
      const directory = createDumpDirectory(mountpoint, '/crash', 'S', text => warnings.push(text));
      expect(warnings).toEqual(warning ? [warning] : []);
      const made = statSync(directory.path);
      expect({ uid: made.uid, mode: made.mode & 0o777 }).toEqual({ uid: 0, mode: 0o700 });
    });
  },
);

test('text that breaks off stays incomplete', () => {
  const directory = createDumpDirectory(mountpoint, '/var/crash', 'S');
  function* broken() {
    yield 'one\n';
    throw new Error('no more');
  }
  expect(() => directory.writeDurably('vmcore-dmesg.txt', broken())).toThrow('no more');
  expect(readdirSync(directory.path)).toEqual(['vmcore-dmesg-incomplete.txt']);
});

test('long text comes out whole', () => {
  const directory = createDumpDirectory(mountpoint, '/', 'S');
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`);
  const { bytes } = directory.writeDurably('log', lines);
  expect(readFileSync(join(directory.path, 'log'), 'utf8')).toBe(lines.join(''));
  expect(bytes).toBe(lines.join('').length);
});

test('a dump gets its name at the commit, and is read back before', () => {
  const directory = createDumpDirectory(mountpoint, '/', 'S');
  const file = directory.create('vmcore');
  file.sink.writeAt(Buffer.from('dump'), 0);
  expect(readdirSync(directory.path)).toEqual([file.incompleteName]);
  const written = file.readBack();
  expect(Buffer.from(written.window(0, 4)).toString()).toBe('dump');
  written.close();
  file.commit();
  file.close();
  expect(readdirSync(directory.path)).toEqual(['vmcore']);
});

test('nothing is ever overwritten', () => {
  const directory = createDumpDirectory(mountpoint, '/', 'S');
  directory.create('x').close();
  expect(() => directory.create('x')).toThrow(/EEXIST/);
});
