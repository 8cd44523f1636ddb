import { describe, expect, it } from 'vitest';
import { runBounded } from '../../../../qemu/judges/bounded-run.ts';
import { isKdumpCompressed } from '../../../../qemu/judges/file-type.ts';
import { compareLogs } from '../../../../qemu/judges/makedumpfile.ts';

const LOG = '[    0.000000] Linux version 6.1\n[    0.100000] two\n  lines\n[    1.000000] end\n';

describe('two kernel logs', () => {
  it.each([
    ['the same', LOG],
    ['with caller ids', LOG.replace(/\] /g, '] [      T0] ')],
    ['with caller ids close by', LOG.replace(/\] /g, '][C1] ')],
    ['indented differently', LOG.replace('  lines', '               lines')],
    ['without a last newline', LOG.trimEnd()],
  ])('are equal: %s', (_, ours) => {
    expect(compareLogs(LOG, ours)).toEqual([]);
    expect(compareLogs(ours, LOG)).toEqual([]);
  });

  it.each([
    [
      'a line lost',
      LOG.replace('[    0.100000] two\n', ''),
      [{ side: 'theirs', line: '[    0.100000] two' }],
    ],
    ['a line twice', `${LOG}[    1.000000] end\n`, [{ side: 'ours', line: '[    1.000000] end' }]],
    [
      'another order',
      '[    1.000000] end\n[    0.000000] Linux version 6.1\n[    0.100000] two\nlines\n',
      [{ side: 'order', line: '[    1.000000] end' }],
    ],
  ])('differ: %s', (_, ours, differences) => {
    expect(compareLogs(LOG, ours)).toEqual(differences);
  });
});

it.each([
  ['Kdump compressed dump v6, system Linux, node (none)', true],
  ['Flattened kdump compressed dump v1', false],
  ['ELF 64-bit LSB core file', false],
  ['data', false],
])('%s is a kdump file: %s', (type, expected) => {
  expect(isKdumpCompressed(type)).toBe(expected);
});

describe('a bounded run', () => {
  it('returns output and exit code', async () => {
    const outcome = await runBounded(['sh', '-c', 'echo out; echo err >&2; exit 3'], { timeoutSeconds: 10 });
    expect(outcome).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 3 });
  });

  it('kills what takes too long', async () => {
    const outcome = await runBounded(['sleep', '60'], { timeoutSeconds: 0.2 });
    expect(outcome).toEqual({ stdout: '', stderr: '', exitCode: null, killed: 'timeout' });
  });
});
