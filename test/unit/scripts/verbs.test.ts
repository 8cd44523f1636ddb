import { expect, test } from 'vitest';
import { findVerb, VERB_GROUPS, VERBS, verbsHelp } from '../../../scripts/verb-table.ts';

test.each(Object.keys(VERBS))('%s is the verb of that name, and its help is short', async name => {
  const command = await VERBS[name]!();
  expect(command.name).toBe(`kdumpling ${name}`);
  expect(command.purpose.length).toBeLessThan(100);
});

test('what there is not', () => {
  for (const name of ['explode', 'constructor', '__proto__', ''])
    expect(findVerb('kdumpling', name)).toBeUndefined();
});

test('as kdump_helper only what COS has', async () => {
  expect(findVerb('kdump_helper', 'dump')).toBeUndefined();
  expect(await verbsHelp('kdump_helper')).not.toMatch(/dmesg|Analyse/);
});

test('the help is grouped', async () => {
  const titles = [...(await verbsHelp('kdumpling')).matchAll(/^([A-Z].*):$/gm)].map(([, title]) => title);
  expect(titles).toEqual(VERB_GROUPS.map(({ title }) => title));
});

test('help names every verb and the exit codes', async () => {
  const help = await verbsHelp('kdumpling');
  for (const name of Object.keys(VERBS)) expect(help).toContain(`\n  ${name} `);
  for (const [code, meaning] of [
    [0, 'done'],
    [1, 'failed'],
    [2, 'wrong usage'],
    [3, 'not operational'],
    [130, 'interrupted'],
  ])
    expect(help).toMatch(new RegExp(`^  ${code} +${meaning}`, 'm'));
});
