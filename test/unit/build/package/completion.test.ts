/** Completion of the shells, by the shells themselves. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCommand } from '../../../../build/host/host-packages.ts';
import { completionFiles } from '../../../../build/package/completion/completion.ts';
import { writeFiles } from '../../../../build/package/man/manual.ts';
import { optionRows } from '../../../../scripts/lib/cli/help.ts';
import { ALIASES, KDUMP_HELPER_VERBS, VERBS } from '../../../../scripts/verb-table.ts';

const NAMES = [...Object.keys(VERBS), ...Object.keys(ALIASES)];
/** What `kdumpling list --ids` prints here. The last one is the name of a hostile directory. */
const IDS = ['20261121T220234Z', '20261128T101010Z', 'x$(echo hacked)'];

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-completion-'));
  writeFiles(folder, await completionFiles('vendor-completions'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BASH = 'bash-completion/completions/kdumpling';
const ZSH = 'zsh/vendor-completions/_kdumpling';
const FISH = 'fish/vendor_completions.d/kdumpling.fish';

function run(command: string, ...args: string[]): string {
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder };
  const { stdout, stderr } = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout;
}

/** The completions of the last of these words. */
function bash(...words: string[]): string[] {
  const script = `
    kdumpling() { [[ "$*" == 'list --ids' ]] && printf '%s\\n' ${IDS.map(id => `'${id}'`).join(' ')}; }
    source ${BASH}
    [[ $(complete -p kdumpling) == 'complete -F _kdumpling kdumpling' ]] || exit 1
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _kdumpling
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return run('bash', '--norc', '-c', script, 'bash', ...words)
    .split('\n')
    .filter(line => line !== '');
}

describe('bash', () => {
  test('verbs', () => {
    expect(bash('kdumpling', '').sort()).toEqual([...NAMES, 'help'].sort());
    expect(bash('kdumpling', 'en')).toEqual(['enable']);
    expect(bash('/usr/sbin/kdump_helper', '').sort()).toEqual([...KDUMP_HELPER_VERBS, 'help'].sort());
  });

  test.each(NAMES)('the options of %s', async name => {
    const { options } = await VERBS[ALIASES[name] ?? name]!();
    const flags = optionRows(options)
      .filter(({ text }) => !text.startsWith('refused: '))
      .flatMap(row => row.flags);
    expect(bash('kdumpling', name, '-').sort()).toEqual([...flags].sort());
  });

  test('the names of dumps, which are never run', () => {
    expect(bash('kdumpling', 'info', '2026112')).toEqual(IDS.slice(0, 2));
    expect(bash('kdumpling', 'dmesg', 'x')).toEqual(['x\\$\\(echo\\ hacked\\)']);
    expect(bash('kdumpling', 'list', '')).toEqual([]);
  });

  test('files, folders and values', () => {
    expect(bash('kdumpling', 'dump', 'ba')).toEqual(['bash-completion']);
    expect(bash('kdumpling', 'rebuild', '--modules', 'z')).toEqual(['zsh']);
    expect(bash('kdumpling', 'upload', '--method', '')).toEqual(['PUT', 'POST']);
    expect(bash('kdumpling', 'upload', '--method', '=', 'PO')).toEqual(['POST']);
    expect(bash('kdumpling', 'upload', '--method', '=')).toEqual(['PUT', 'POST']);
    expect(bash('kdumpling', 'rebuild', '--kver', '')).toEqual([]);
  });
});

describe.skipIf(!findCommand('fish'))('fish', () => {
  const fish = (line: string) => {
    const script = `function kdumpling; printf '%s\\n' ${IDS.map(id => `'${id}'`).join(' ')}; end; source ${FISH}; complete -C '${line}'`;
    return run('fish', '--no-config', '-c', script)
      .split('\n')
      .filter(text => text !== '')
      .map(text => text.split('\t')[0]);
  };

  test('verbs, options, dumps, values', () => {
    expect(fish('kdumpling ').sort()).toEqual([...NAMES].sort());
    expect(fish('kdumpling list --')).toEqual(
      expect.arrayContaining(['--help', '--ids', '--json', '--version']),
    );
    expect(fish('kdumpling info 2')).toEqual(IDS.slice(0, 2));
    expect(fish('kdumpling upload --method ')).toEqual(['POST', 'PUT']);
    expect(fish('kdumpling dump ba')).toContain('bash-completion/');
  });
});

describe.skipIf(!findCommand('zsh'))('zsh', () => {
  test('it is in order', () => expect(run('zsh', '-f', '-n', ZSH)).toBe(''));

  /** What the functions of compsys get, instead of a terminal. */
  const zsh = (...words: string[]) => {
    const script = `
      kdumpling() { printf '%s\\n' ${IDS.map(id => `'${id}'`).join(' ')} }
      _arguments() { print -rl -- "$@" }
      _describe() { print -rl -- "\${(@P)4}" }
      compadd() { print -rl -- "\${(@P)2}" }
      service=kdumpling words=("$@") CURRENT=$#
      source ${ZSH}`;
    return run('zsh', '-f', '-c', script, 'zsh', ...words)
      .split('\n')
      .slice(0, -1);
  };

  test('verbs', () => {
    expect(zsh('kdumpling', '').map(line => line.split(':')[0])).toEqual(NAMES);
  });

  test.each(NAMES)('the options of %s', async name => {
    const { options } = await VERBS[ALIASES[name] ?? name]!();
    const specs = zsh('kdumpling', name, '').join('\n');
    for (const { flags, text } of optionRows(options)) {
      if (text.startsWith('refused: ')) continue;
      for (const flag of flags) expect(specs).toMatch(new RegExp(`^(\\([^)]*\\))?${flag}[=+]?\\[`, 'm'));
    }
  });
});
