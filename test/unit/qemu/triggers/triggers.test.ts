import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IMPOSSIBLE_TRIGGERS, TRIGGERS } from '../../../../qemu/triggers/triggers.ts';

const OOPS = 'Internal error: Oops: 0000000096000005 [#1] SMP';
const BUG = 'Internal error: Oops - BUG: 00000000f2000800 [#1] SMP';

const source = readFileSync(
  join(import.meta.dirname, '../../../../qemu/triggers/module/kdumpling_lab.c'),
  'utf8',
);

test('names are unique, also those of crashes that cannot be made', () => {
  const names = [...TRIGGERS, ...IMPOSSIBLE_TRIGGERS].map(({ name }) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

test('every way of the module has a trigger, and every trigger of the module is a way of it', () => {
  const ways = [...source.matchAll(/\{ "([a-z-]+)", lab_\w+ \}/g)].map(match => match[1]).sort();
  const used = TRIGGERS.flatMap(
    ({ command }) => /echo ([a-z-]+) > \/proc\/kdumpling-lab/.exec(command)?.[1] ?? [],
  );
  expect(ways.length).toBeGreaterThan(15);
  expect(used.sort()).toEqual(ways);
});

test('every function that a trigger of the module expects in its trace is in the module or the kernel’s', () => {
  const named = TRIGGERS.flatMap(({ frames }) => frames).filter(name => name.startsWith('lab_'));
  expect(named.filter(name => !source.includes(`${name}(`))).toEqual([]);
});

test('a trigger waits for the monitor exactly where the monitor has work', () => {
  for (const { name, command, monitor } of TRIGGERS) {
    expect(command.includes('waits for the monitor'), name).toBe(monitor !== undefined);
  }
});

describe('of arm64', () => {
  const of = (name: string) => TRIGGERS.find(trigger => trigger.name === name)!;

  // Linux arch/arm64/mm/fault.c (die_kernel_fault), kernel/traps.c (die, panic_bad_stack); lib/bug.c.
  test.each([
    ['null', 'Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000', OOPS],
    ['unmapped', 'Unable to handle kernel paging request at virtual address ffff800081a5d000', OOPS],
    [
      'general-protection',
      'Unable to handle kernel paging request at virtual address 005a5a5a5a5a5a5a',
      OOPS,
    ],
    ['use-after-free', 'Unable to handle kernel paging request at virtual address 6b6b6b6b6b6b6b6b', OOPS],
    ['bug', 'kernel BUG at /tmp/kdumpling-module-x/kdumpling_lab.c:82!', BUG],
    ['usercopy', 'kernel BUG at mm/usercopy.c:102!', BUG],
    ['corrupt-list', 'list_add corruption. next->prev should be prev', BUG],
    [
      'stack-overflow',
      'Kernel panic - not syncing: kernel stack overflow',
      'Kernel panic - not syncing: kernel stack overflow',
    ],
  ])('%s is known by its lines', (name, cause, panic) => {
    const { panic: ofPanic, cause: ofCause = ofPanic } = of(name);
    expect(cause).toMatch(ofCause);
    expect(panic).toMatch(ofPanic);
  });

  test('an address that is none is one that is not mapped', () => {
    expect(of('general-protection').reportOn?.arm64).toEqual({ class: 'page-fault' });
  });

  test('what it cannot have needs no part of the module that it cannot build', () => {
    const ways = [...source.matchAll(/#ifdef CONFIG_X86\n\t\{ "([a-z-]+)"/g)].map(match => match[1]);
    const impossible = TRIGGERS.filter(({ notOn }) => notOn?.arm64 !== undefined);
    expect(ways).toEqual(['nmi']);
    for (const way of ways) {
      expect(
        impossible.some(({ command }) => command.includes(`echo ${way} >`)),
        way,
      ).toBe(true);
    }
  });
});
