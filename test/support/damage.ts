/** What an autopsy answers about a damaged kernel: it says what it lacks, ends, and does not throw. */
import { expect, test } from 'vitest';
import type { DeadKernel } from '../../capture/autopsy/kernel.ts';
import type { Findings } from '../../capture/autopsy/problems.ts';
import type { SmallKernel } from './small-kernel.ts';

/** Far more than the walks over a few structures need. */
const MOST_READS = 3_000_000;

export interface DamageCase<T> {
  readonly build: () => SmallKernel;
  readonly read: (kernel: DeadKernel) => Findings<T>;
  /** Without them the answer is another and not a lesser one: members and symbols that tell kernels apart. */
  readonly choices?: readonly string[];
}

/** One test for each member, each symbol and each page that the dump can lack. */
export function testDamage<T>({ build, read, choices = [] }: DamageCase<T>): void {
  const whole = read(build().open());
  const answerTo = (damage: (kernel: SmallKernel) => void) => {
    const kernel = build();
    damage(kernel);
    const answer = read(kernel.open());
    expect(kernel.reads).toBeLessThan(MOST_READS);
    return answer;
  };

  test('a whole kernel has no problems', () => expect(whole.problems).toEqual([]));

  test.each(build().members.filter(path => !choices.includes(path)))('without the member %s', path => {
    const { found, problems } = answerTo(kernel => kernel.loseMember(path));
    expect(found).not.toEqual(whole.found);
    expect(problems.join('\n')).toContain(path.split('.').at(-1)!);
  });

  test.each(build().symbols.filter(name => !choices.includes(name)))('without the symbol %s', name => {
    const { found, problems } = answerTo(kernel => kernel.loseSymbol(name));
    expect(found).not.toEqual(whole.found);
    expect(problems.join('\n')).toContain(name);
  });

  test.each(build().pages)('without the page at %d', page => {
    const { found, problems } = answerTo(kernel => kernel.losePage(page));
    if (JSON.stringify(plain(found)) !== JSON.stringify(plain(whole.found))) expect(problems).not.toEqual([]);
  });
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part)));
}
