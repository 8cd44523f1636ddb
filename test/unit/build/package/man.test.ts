/** The manual pages against the code: all that a user can type or meet is in them, and what they name is there. */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCommand } from '../../../../build/host/host-packages.ts';
import { CONSOLE_LINES, FAILURE_LINES } from '../../../../build/package/man/console-lines.ts';
import { manualFiles, writeFiles } from '../../../../build/package/man/manual.ts';
import { literal, renderPage } from '../../../../build/package/man/roff.ts';
import { ADVICE } from '../../../../capture/flow/advice.ts';
import { checkOptions } from '../../../../capture/options/schema.ts';
import { optionRows } from '../../../../scripts/lib/cli/help.ts';
import { DIRECTIVES } from '../../../../scripts/lib/config/directives.ts';
import { UNSUPPORTED } from '../../../../scripts/lib/config/unsupported.ts';
import { VERBS } from '../../../../scripts/verb-table.ts';

const PROJECT = join(import.meta.dirname, '../../../..');

let folder: string;
let pages: Map<string, string>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-man-'));
  pages = await manualFiles({ date: '2026-11-28', version: '0.1.0' });
  writeFiles(folder, pages);
  // On a busy machine importing all verbs takes longer than a hook may by default.
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const page = (path: string) => pages.get(path)!;
const bold = (text: string) => `\\fB${literal(text)}\\fR`;

describe('kdumpling(8)', () => {
  test.each(Object.keys(VERBS))('%s with its options', async name => {
    const command = await VERBS[name]!();
    const text = page('man8/kdumpling.8').split(`\n.TP\n${bold(`kdumpling ${name}`)} `)[1]!;
    const own = text.split(/\n\.RE\n|\n\.TP\n\\fBkdumpling/)[0]!;
    expect(own).toContain(command.purpose.split(/[’'$@]/)[0]!);
    for (const { flags, text: help } of optionRows(command.options)) {
      if (['--help', '--version'].includes(flags[0]!) || flags.includes('--help')) continue;
      expect(own).toContain(flags.map(bold).join(', '));
      expect(own.toLowerCase()).toContain(help.toLowerCase().split(/[^a-z ]/)[0]!);
    }
  });

  test('kdump_helper has the same page', () => {
    expect(page('man8/kdump_helper.8')).toBe('.so man8/kdumpling.8\n');
  });
});

describe('kdump.conf(5)', () => {
  test.each(DIRECTIVES)('$name', ({ name, value }) => {
    expect(page('man5/kdump.conf.5')).toContain(`.TP\n${bold(name)} ${value.replace('…', '\\&...')}\n`);
  });

  test.each(Object.keys(UNSUPPORTED))('%s is refused', name => {
    const refused = page('man5/kdump.conf.5').split('.SH REFUSED DIRECTIVES')[1]!.split('.SH EXAMPLES')[0]!;
    expect(refused).toContain(bold(name));
  });
});

describe('kdumpling-capture(7)', () => {
  test('every option of the capture, and no other', () => {
    const { modules, ...options } = checkOptions({ target: '/dev/vda', fstype: 'ext4', modules: [] });
    expect(modules).toEqual([]);
    const section = page('man7/kdumpling-capture.7').split('\n.SH OPTIONS\n')[1]!.split('\n.SH ')[0]!;
    const named = [...section.matchAll(/^\.TP\n\\fB(\w+)\\fR$/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(Object.keys(options).sort());
  });

  test.each(CONSOLE_LINES)('$lines', ({ lines }) => {
    for (const line of lines) expect(page('man7/kdumpling-capture.7')).toContain(bold(line));
  });
});

describe('the lines of the serial console', () => {
  const capture = globSync('capture/**/*.ts', { cwd: PROJECT }).filter(
    file => !/\/(advice|meanings)\.ts$/.test(file),
  );
  const sources = [...capture, ...globSync('initrd/*.sh', { cwd: PROJECT })]
    .map(file => readFileSync(join(PROJECT, file), 'utf8'))
    .join('\n');
  const ours = CONSOLE_LINES.flatMap(({ lines }) => lines).filter(line => /^kdumpling|^Cannot/.test(line));

  test('there are some', () => expect(ours.length).toBeGreaterThan(40));

  test.each(ours)('%s', line => {
    // The program fills in the placeholders; the longest piece of fixed words must be in the code.
    const words = line
      .replace(/^kdumpling: [a-z]+: (warning: )?/, '')
      .split(/…|: E[A-Z]+|NOT saved: |<\w+>|\b\d+\b|\bN\b|\/var\/crash\//)
      .map(piece => piece.replace(/^[\s:;]+|[\s:;]+$/g, ''));
    const longest = words.sort((a, b) => b.length - a.length)[0]!;
    expect(sources.includes(longest.replace(/^Cannot /, ''))).toBe(true);
  });

  test.each(ADVICE)('what to do about: $line', ({ line, toDo }) => {
    const row = FAILURE_LINES.find(({ lines }) => lines.includes(line))!;
    expect(row.toDo!.toLowerCase()).toBe(`${toDo.toLowerCase()}.`);
    expect(row.meaning).toMatch(/^[A-Z].*\.$/);
  });

  const warningPhases = [...new Set([...sources.matchAll(/\bwarn\('([a-z]+)'/g)].map(([, phase]) => phase!))];

  test('there are phases that warn', () => expect(warningPhases.length).toBeGreaterThan(5));

  test.each(warningPhases)('warnings of %s', phase => {
    expect(ours.some(line => line.startsWith(`kdumpling: ${phase}: warning: `))).toBe(true);
  });
});

describe('the roff', () => {
  const checks: Readonly<Record<string, readonly string[]>> = {
    mandoc: ['-Tlint', '-Wwarning'],
    groff: ['-man', '-Tutf8', '-ww', '-z'],
  };
  for (const [command, flags] of Object.entries(checks)) {
    test
      .skipIf(!findCommand(command))
      .each(['man8/kdumpling.8', 'man5/kdump.conf.5', 'man5/kdumpling-json.5', 'man7/kdumpling-capture.7'])(
      `${command} reads %s without a warning`,
      path => {
        const { status, stdout, stderr } = spawnSync(command, [...flags, path], {
          cwd: folder,
          encoding: 'utf8',
        });
        expect({ status, text: stdout + stderr }).toEqual({ status: 0, text: '' });
      },
    );
  }

  test('what looks like roff is text', () => {
    const [, body] = renderPage(
      {
        name: 'x',
        section: 7,
        manual: 'm',
        summary: 's',
        sections: [
          { title: 't', blocks: ['.dot \\ and ’', "'quote", { example: ['.TH -a "b"', "'c"] }, '`.d`-e'] },
        ],
      },
      { date: '2026-01-01', version: '1' },
    ).split('.SH T\n');
    expect(body).toBe(
      [
        '\\&.dot \\(rs and \\(cq',
        '.PP',
        '\\(aqquote',
        '.PP',
        '.EX',
        '\\&.TH \\-a \\(dqb\\(dq',
        '\\(aqc',
        '.EE',
        '.PP',
        '\\fB.d\\fR-e',
        '',
      ].join('\n'),
    );
  });
});
