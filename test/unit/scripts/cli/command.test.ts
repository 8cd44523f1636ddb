import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SystemError } from '../../../../capture/errors.ts';
import { type Command, oneOf, runCommand, wholeNumber } from '../../../../scripts/lib/cli/command.ts';
import { helpText } from '../../../../scripts/lib/cli/help.ts';

const OPTIONS = {
  memory: { value: 'MIB', default: '1024', help: 'memory' },
  console: { short: 'c', help: 'show it' },
  word: { value: 'WORD', repeatable: true, help: 'add it' },
} as const;

let said: string[];
beforeEach(() => {
  said = [];
  vi.spyOn(console, 'error').mockImplementation(text => void said.push(text));
  vi.spyOn(console, 'log').mockImplementation(text => void said.push(text));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

async function run(argv: string[], work: Command<typeof OPTIONS>['run'] = async () => 0) {
  await runCommand({ name: 'npm start --', purpose: 'Starts.', options: OPTIONS, run: work }, argv);
  const exitCode = process.exitCode;
  process.exitCode = undefined;
  return { exitCode, said: said.join('\n') };
}

test('what is given and what is not', async () => {
  let given: unknown;
  await run(['-c'], async all => {
    given = { ...all };
    return 0;
  });
  expect(given).toEqual({ memory: '1024', console: true, word: [], positionals: [] });
});

test.each([
  [['--colour'], /Cannot run npm start --: Unknown option '--colour'\. Try npm start -- --help/],
  [['--memory'], /Cannot run npm start --: Option '--memory <value>' argument missing/],
  [['word'], /Cannot run npm start --: Unexpected argument 'word'/],
])('%j is refused', async (argv, message) => {
  const { exitCode, said } = await run(argv);
  expect(exitCode).toBe(2);
  expect(said).toMatch(message);
  expect(said.split('\n')).toHaveLength(1);
});

test('an error that was foreseen, or that the system gives, is one line', async () => {
  const foreseen = await run([], async () => {
    throw new SystemError(
      'X',
      { action: 'fetch it', actual: 'no network', wanted: 'a network' },
      { path: '/x' },
    );
  });
  expect(foreseen).toEqual({
    exitCode: 1,
    said: 'Cannot fetch it: no network; expected a network [path=/x]',
  });
  said.length = 0;
  const refused = await run([], async () => {
    throw Object.assign(new Error("EACCES: permission denied, mkdir '/x'"), { syscall: 'mkdir' });
  });
  expect(refused.said).toBe("Cannot go on with npm start --: EACCES: permission denied, mkdir '/x'");
});

test('a bug says where it is and where to report it', async () => {
  const { exitCode, said } = await run([], async () => {
    throw new TypeError('x is not a function');
  });
  expect(exitCode).toBe(1);
  expect(said).toMatch(
    /^This is a bug in kdumpling\. Please report it .*\nTypeError: x is not a function\n +at /s,
  );
});

test('--help wins over everything', async () => {
  const { exitCode, said } = await run(['--colour', '--help']);
  expect(exitCode).toBe(0);
  expect(said).toContain('--memory MIB');
  expect(said).toContain('memory (1024)');
});

test('each value of a repeatable option counts', async () => {
  let words: unknown;
  await run(['--word', 'nokaslr', '--word=quiet "x y"'], async given => {
    words = given.word;
    return 0;
  });
  expect(words).toEqual(['nokaslr', 'quiet "x y"']);
});

test('--version is every command’s, but not after --', async () => {
  expect(await run(['--version'])).toEqual({ exitCode: 0, said: 'kdumpling (from source)' });
  said.length = 0;
  expect((await run(['--', '--version'])).exitCode).toBe(2);
  said.length = 0;
  expect((await run(['--', '--help'])).exitCode).toBe(2);
});

test('values', () => {
  expect(wholeNumber('memory', '512', 256, 1024)).toBe(512);
  for (const text of ['', '255', '1025', '5x', '-5', '1e3', '0x200']) {
    expect(() => wholeNumber('memory', text, 256, 1024)).toThrow(
      `Cannot use --memory: its value is "${text}"`,
    );
  }
  expect(() => oneOf('accel', 'hvf', ['kvm', 'tcg'])).toThrow('expected one of kvm, tcg');
  expect(helpText({ name: 'x', purpose: 'y', options: OPTIONS, run: async () => 0 } as never)).toContain(
    '-c, --console',
  );
});
