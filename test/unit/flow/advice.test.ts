import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT } from '../../../build/paths.ts';
import { TargetError } from '../../../capture/errors.ts';
import { ADVICE, adviceFor } from '../../../capture/flow/advice.ts';

const errno = (code: string) => Object.assign(new Error(code), { code });
const target = (code: string, cause?: unknown) =>
  new TargetError(code, { action: 'make /var/crash', actual: 'no' }, {}, { cause });

test.each([
  ['our own code', target('DEVICE_MISSING'), /compare the devices/],
  [
    "errno's, as the cause of one of ours that the table does not have",
    target('MKDIR_FAILED', errno('ENOSPC')),
    /free space/,
  ],
  ['the outermost code in the table', target('READ_FAILED', errno('EIO')), /kexec -s -p/],
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
