import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDumpDirectory, incompleteName } from '../../../capture/target/dump-directory.ts';

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

test('a link that leads out of the file system is refused', () => {
  mkdirSync(join(mountpoint, 'var'));
  symlinkSync('/tmp', join(mountpoint, 'var/crash'));
  expect(() => createDumpDirectory(mountpoint, '/var/crash', 'S')).toThrow(/a symbolic link leads to/);
});

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

test('a dump gets its name at the commit', () => {
  const directory = createDumpDirectory(mountpoint, '/', 'S');
  const fd = directory.create('vmcore-incomplete');
  writeSync(fd, 'dump');
  expect(existsSync(join(directory.path, 'vmcore'))).toBe(false);
  directory.commit(fd, 'vmcore-incomplete', 'vmcore');
  closeSync(fd);
  expect(readdirSync(directory.path)).toEqual(['vmcore']);
});

test('nothing is ever overwritten', () => {
  const directory = createDumpDirectory(mountpoint, '/', 'S');
  closeSync(directory.create('x'));
  expect(() => directory.create('x')).toThrow(/EEXIST/);
});
