/** The READMEs against the code: what they name exists. The manual's own tests hold options, directives and console lines. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VERBS } from '../../scripts/verb-table.ts';

const PROJECT = join(import.meta.dirname, '../..');
const DOCUMENTS = globSync('{*.md,{capture,qemu,test}/**/*.md}', { cwd: PROJECT });
const README_LINES = 200;

const read = (file: string) => readFileSync(join(PROJECT, file), 'utf8');
const readme = read('README.md');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

test('the README fits on three screens', () => {
  expect(readme.split('\n').length).toBeLessThanOrEqual(README_LINES);
});

test('its table of verbs has every verb', () => {
  const section = readme.split(/^## /m).find(text => text.startsWith('Verbs'))!;
  const cells = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([a-z-]+)`/g)].map(match => match[1]!),
  );
  expect(cells.sort()).toEqual(Object.keys(VERBS).sort());
});

describe.each(DOCUMENTS)('%s', file => {
  const text = read(file);

  test('its links lead to files', () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, link]) => join(dirname(file), link!));
    expect(links.filter(link => !existsSync(join(PROJECT, link)))).toEqual([]);
  });

  test('its verbs are there', () => {
    const shell = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, lines]) => lines!).join('\n');
    const named = [
      ...shell.matchAll(/^kdumpling ([a-z][a-z-]*)/gm),
      ...text.matchAll(/`kdumpling ([a-z][a-z-]*)/g),
    ].map(match => match[1]!);
    expect(named.filter(name => !Object.hasOwn(VERBS, name))).toEqual([]);
  });

  test('its npm commands are there', () => {
    const named = [...text.matchAll(/`npm (?:run )?([a-z]+)|^npm (?:run )?([a-z]+)/gm)].map(
      match => match[1] ?? match[2]!,
    );
    expect(named.filter(name => !(name in scripts) && name !== 'ci')).toEqual([]);
  });

  test('the paths it names are there', () => {
    const named = [...text.matchAll(/`((?:capture|initrd|build|scripts|qemu|test)\/[\w./-]*)`/g)].map(
      match => match[1]!,
    );
    expect(named.filter(path => !existsSync(join(PROJECT, path)))).toEqual([]);
  });
});
