import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT } from '../../../build/paths.ts';
import { type Facts, SystemError, TargetError } from '../../../capture/errors.ts';
import { ADVICE, adviceFor } from '../../../capture/flow/advice.ts';
import { firstThatWorks } from '../../../capture/init/ways.ts';

const errno = (code: string) => Object.assign(new Error(code), { code });
const target = (code: string, cause?: unknown) =>
  new TargetError(code, { action: 'make /var/crash', actual: 'no' }, {}, { cause });

/** As a capture's mount fails: by system call, and then by busybox, which tells no errno. */
function mountRefused(number: number): unknown {
  const failing = (code: string, facts: Facts) => () => {
    throw new SystemError(code, { action: 'mount', actual: 'it was refused' }, facts);
  };
  const ways = [
    { name: 'system call', run: failing('SYSCALL_FAILED', { errno: number }) },
    { name: 'busybox', run: failing('BUSYBOX_FAILED', {}) },
  ];
  try {
    return firstThatWorks('mount /dev/vda2', ways, () => {})();
  } catch (error) {
    return error;
  }
}

test.each([
  ['our own code', target('DEVICE_MISSING'), /compare the devices/],
  [
    "errno's, as the cause of one of ours that the table does not have",
    target('MKDIR_FAILED', errno('ENOSPC')),
    /free space/,
  ],
  ['the outermost code in the table', target('READ_FAILED', errno('EIO')), /kexec -s -p/],
  [
    'a mount that a full btrfs refused',
    mountRefused(28),
    /free space on the target \(on btrfs, `btrfs balance/,
  ],
  ['a mount that the disk refused', mountRefused(5), /the disk's errors/],
  ['a mount that was refused for another reason', mountRefused(22), /check the file system with fsck/],
  ['no room for any dump', target('NO_SPACE'), /free space/],
  ['an error without a code', new TypeError('undefined is not a function'), /^report this with the log$/],
  ['a value that is not an Error', 'thrown', /^report this with the log$/],
])('%s', (_, error, advice) => expect(adviceFor(error)).toMatch(advice));

test('no code stands twice, and each of our own is in use', () => {
  const codes = ADVICE.flatMap(advice => advice.codes);
  expect(new Set(codes).size).toBe(codes.length);
  const sources = globSync('capture/**/*.ts', { cwd: PROJECT })
    .filter(file => !file.endsWith('advice.ts'))
    .map(file => readFileSync(join(PROJECT, file), 'utf8'))
    .join('\n');
  const ours = codes.filter(code => !/^E[A-Z]+$/.test(code) && !code.startsWith('ERR_'));
  expect(ours.filter(code => !sources.includes(`'${code}'`))).toEqual([]);
});
