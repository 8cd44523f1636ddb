import { expect, test } from 'vitest';
import { findVerb, VERBS, verbsHelp } from '../../../scripts/verb-table.ts';

test.each(Object.keys(VERBS))('%s is the verb of that name, and its help is short', async name => {
  const command = await VERBS[name]!();
  expect(command.name).toBe(`kdumpling ${name}`);
  expect(command.purpose.length).toBeLessThan(100);
});

test('what there is not', () => {
  for (const name of ['explode', 'constructor', '__proto__', ''])
    expect(findVerb('kdumpling', name)).toBeUndefined();
});

test('as kdump_helper only what COS has', () => {
  expect(findVerb('kdump_helper', 'dump')).toBeUndefined();
});

test('help names every verb and the exit codes', async () => {
  const help = await verbsHelp('kdumpling');
  for (const name of Object.keys(VERBS)) expect(help).toContain(`\n  ${name} `);
  expect(help).toContain('exit codes: 0 done; 1 failed; 2 wrong usage; 3 not operational');
});
