/** What must be true after a crash: small checks, each with what was seen, for the verdict and summary.json. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DumpFormatError, describeError, SystemError } from '../../capture/errors.ts';
import type { Manifest } from '../../capture/storage/manifest.ts';
import { cutConsoleLog } from '../../capture/storage/place/console-log.ts';
import { runCrash } from '../judges/crash.ts';
import { crashOutputs } from '../judges/crash-commands.ts';
import { fileType, isKdumpCompressed } from '../judges/file-type.ts';
import type { CrashRun } from '../run/run.ts';
import { autopsySavedOrSkipped } from './autopsy.ts';
import type { Check, Expectation, Judges } from './check.ts';
import { neverSilent } from './console-silence.ts';
import { readManifest } from './manifest.ts';
import { readByOthers } from './other-readers.ts';

export async function judge(
  run: CrashRun,
  judges: Judges,
  expectations: readonly Expectation[],
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const expectation of expectations) checks.push(...(await checksOf(expectation, run, judges)));
  return checks;
}

/** A dump that a judge cannot open fails its check, and the other checks and crashes go on. */
async function checksOf(expectation: Expectation, run: CrashRun, judges: Judges): Promise<Check[]> {
  try {
    return await expectation(run, judges);
  } catch (error) {
    if (!(error instanceof DumpFormatError || error instanceof SystemError)) throw error;
    return [{ what: 'a judge can open what was saved', holds: false, saw: describeError(error) }];
  }
}

/** The serial console has a line that matches. */
export function says(what: string, pattern: RegExp): Expectation {
  return ({ lines }) => {
    const line = lines.find(({ text }) => pattern.test(text));
    return [{ what, holds: line !== undefined, saw: line?.text ?? `no line with ${pattern}` }];
  };
}

export function neverSays(what: string, pattern: RegExp): Expectation {
  return ({ lines }) => {
    const line = lines.find(({ text }) => pattern.test(text));
    return [{ what, holds: line === undefined, saw: line?.text ?? 'no such line' }];
  };
}

/** Where it is not armed, the reason is the kernel's or the lab's own line. */
export const armed: Expectation = ({ lines }) => {
  const texts = lines.map(({ text }) => text);
  const line = texts.find(text => /^lab: armed/.test(text));
  const why = texts.filter(text => /^lab: gave up|crashkernel reservation failed/.test(text)).join('; ');
  return [
    {
      what: 'the first kernel is armed',
      holds: line !== undefined,
      saw: line ?? (why || 'no line with "lab: armed"'),
    },
  ];
};
export const pid1IsOurs = says('PID 1 of the crash kernel is our bundle', /kdumpling: start: .*PID 1,/);
export const cameHome = says('the machine comes up again by itself', /^lab: came home/);

/** The crash kernel was the last to run: neither the first kernel nor another capture followed. */
export const stayedDown: Expectation = ({ lines }) => {
  const boots = lines.filter(({ text }) => /Linux version /.test(text)).length;
  return [{ what: 'the machine stays down', holds: boots === 2, saw: `${boots} kernels were booted` }];
};

export const unmountedCleanly: Expectation = ({ guest }) => [
  {
    what: 'it finds its file system clean',
    holds: guest.fsckClean,
    saw: guest.fsckClean ? 'nothing to repair' : 'something to repair',
  },
];

export function captureTookLonger(seconds: number): Expectation {
  return ({ milestones }) => {
    const took = (milestones['capture ended'] ?? 0) - (milestones.panic ?? 0);
    return [{ what: `the capture took longer than ${seconds} s`, holds: took > seconds, saw: `${took} s` }];
  };
}

/** The check runs after the first kernel has mounted the disk again, which replays the journal after a hard reset. */
export const fileSystemSound: Expectation = ({ disk }) => [
  { what: 'the file system is sound', holds: disk.clean, saw: disk.says.trim().split('\n').at(-1) ?? '' },
];

export const noDumpLooksComplete: Expectation = ({ guest }) => {
  const whole = guest.files.filter(({ path }) => basename(path) === 'vmcore');
  return [
    {
      what: 'nothing incomplete looks complete',
      holds: whole.length === 0,
      saw: whole.map(({ path }) => path).join(' ') || 'no file is called vmcore',
    },
  ];
};

/** panic()'s line, or the head of an oops: with a crash kernel loaded, no panic() follows it. */
const LAST_WORDS = /^.*(?:Kernel panic - not syncing|: [0-9a-f]{4,16} \[#\d+\]).*$/gm;

export const kernelLogSaved: Expectation = run => {
  const path = run.dumps.map(dump => join(dump, 'vmcore-dmesg.txt')).find(existsSync);
  const panic = path && readFileSync(path, 'utf8').match(LAST_WORDS)?.[0];
  return [
    { what: 'the kernel log was safe before', holds: Boolean(panic), saw: panic || 'no panic line saved' },
  ];
};

/**
 * The saved log has the trigger's last words with its functions in the call trace, and a manifest names the cause. Whether there
 * must be a manifest is for the fault to say: a program that was ended in mid-dump leaves none.
 */
export const panicOfTrigger: Expectation = ({ dumps, trigger }) => {
  const path = join(dumps[0] ?? '', 'vmcore-dmesg.txt');
  const log = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const lastWords = log.match(LAST_WORDS) ?? [];
  const manifest = readManifest(dumps[0] ?? '');
  const reason = manifest ? (manifest.crash.reason ?? 'no reason') : 'none';
  const absent = trigger.frames.filter(name => !new RegExp(`[ :]${name}(\\.cold)?\\+0x`).test(log));
  const cause = trigger.cause ?? trigger.panic;
  return [
    {
      what: `the kernel log has the panic of ${trigger.name}, and the manifest its cause`,
      holds:
        lastWords.some(line => trigger.panic.test(line)) &&
        (!manifest || cause.test(reason)) &&
        absent.length === 0,
      saw: `log: ${lastWords.join(' | ') || 'no panic'}; manifest: ${reason}; missing in the call trace: ${absent.join(' ') || 'none'}`,
    },
  ];
};

export function manifestSays(state: Manifest['state']): Expectation {
  return run => {
    const found = run.dumps.length === 1 ? readManifest(run.dumps[0])?.state : undefined;
    return [{ what: `the manifest says ${state}`, holds: found === state, saw: found ?? 'no manifest' }];
  };
}

/** The crash kernel's command line, as its own log shows it, has none of the words. */
export function crashKernelWithout(what: string, words: RegExp): Expectation {
  return ({ dumps }) => {
    const path = join(dumps[0] ?? '', 'kexec-dmesg.log');
    const log = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const line = /Command line: (.*)$/m.exec(log)?.[1];
    return [
      { what, holds: line !== undefined && !words.test(line), saw: line ?? 'no command line in the log' },
    ];
  };
}

/** The kernel log that the capture prints when no target works: cut out of the serial log and checked by its end mark. */
export const kernelLogOnConsole: Expectation = ({ lines }) => {
  const log = cutConsoleLog(lines.map(({ text }) => text).join('\n'));
  const panic = log?.lines.find(line => line.includes('Kernel panic - not syncing'));
  return [
    {
      what: 'the kernel log is on the console, whole',
      holds: log?.whole === true && panic !== undefined,
      saw: log ? `${log.lines.length} lines, ${log.whole ? 'whole' : 'not whole'}; ${panic}` : 'no log',
    },
  ];
};

export const skippedSecond: Expectation = run => {
  const states = run.dumps.map(dump => readManifest(dump)?.state);
  const logs = run.dumps.filter(dump => existsSync(join(dump, 'vmcore-dmesg.txt')));
  const dumps = run.dumps.filter(dump => existsSync(join(dump, 'vmcore')));
  return [
    {
      what: 'two kernel logs, one dump, and the manifests say so',
      holds: logs.length === 2 && dumps.length === 1 && states.join() === 'complete,skipped',
      saw: `${logs.length} logs, ${dumps.length} dumps, ${states.join(', ')}`,
    },
  ];
};

export const clockIsNotTrusted: Expectation = run => {
  const stamp = readManifest(run.dumps[0] ?? '')?.stamp;
  return [
    {
      what: 'the manifest says that the clock is not to be trusted',
      holds: stamp?.trusted === false,
      saw: stamp ? `${stamp.time} by ${stamp.clock}, trusted: ${stamp.trusted}` : 'no manifest',
    },
  ];
};

const DUMP_FILES = ['vmcore-dmesg.txt', 'vmcore', 'kexec-dmesg.log', 'manifest.json'];
/** Only where there is memory to spare. */
const AUTOPSY_FILES = ['autopsy.txt', 'autopsy.json', 'vmcore-triage'];

/** The rebooted machine lists the dump's files with private modes. On a FAT the mount sets them. */
const listedPrivate: Expectation = ({ guest }) => {
  // Without a trusted clock, a file beside the dump directories counts the captures.
  const ofDump = guest.files.filter(
    ({ path }) => basename(dirname(path)) !== 'crash' && !AUTOPSY_FILES.includes(basename(path)),
  );
  return [
    {
      what: 'the machine itself lists them, private',
      holds:
        ofDump.length === DUMP_FILES.length && guest.files.every(({ mode }) => ['600', '700'].includes(mode)),
      saw: guest.files.map(({ mode, path }) => `${mode} ${basename(path)}`).join(', ') || 'none',
    },
  ];
};

/** The names of the directories in /var/crash, oldest first. */
export function dumpDirectories(what: string, patterns: readonly RegExp[]): Expectation {
  return ({ dumps }) => {
    const names = dumps.map(dump => basename(dump));
    const holds = names.length === patterns.length && patterns.every((pattern, i) => pattern.test(names[i]));
    return [{ what, holds, saw: names.join(' ') || 'no directory' }];
  };
}

const CRASH_ON_INCOMPLETE = /^WARNING: \S+vmcore-incomplete:$/;

/** crash(8) opens the incomplete dump. It warns that the dump is incomplete, and of nothing else. */
export const incompleteDumpOpens: Expectation = async ({ dumps, trigger }, judges) => {
  const what = 'crash 9 opens the incomplete dump: tasks, panic, the stack';
  const dump = join(dumps[0] ?? '', 'vmcore-incomplete');
  if (!existsSync(dump)) return [{ what, holds: false, saw: 'there is no vmcore-incomplete' }];
  const [tool, vmlinux] = [await judges.tool('crash'), await judges.vmlinux()];
  const expected = { panic: trigger.panic, frames: trigger.frames };
  const { problems, summary } = await runCrash(tool, { vmlinux, dump, expected });
  const amiss = problems.filter(problem => !CRASH_ON_INCOMPLETE.test(problem));
  const { tasks, frames } = summary;
  return [
    { what, holds: amiss.length === 0, saw: amiss.join(' | ') || `${tasks} tasks, ${frames.length} frames` },
  ];
};

/** A triage dump that was not finished leaves no file. */
export const noTriageDump: Expectation = ({ dumps, guest }) => {
  const left = [
    ...guest.files.map(({ path }) => basename(path)).filter(name => name.startsWith('vmcore-triage')),
    ...readdirSync(dumps[0] ?? '').filter(name => name.startsWith('vmcore-triage')),
  ];
  return [{ what: 'no triage dump is left behind', holds: left.length === 0, saw: left.join(' ') || 'none' }];
};

/** crash(8) opens the triage dump as it is, and prints the stack of every task that it lists. */
export const triageDumpOpens: Expectation = async ({ dumps }, judges) => {
  const what = 'crash 9 opens the triage dump: tasks, and a stack of each';
  const dump = join(dumps[0] ?? '', 'vmcore-triage');
  if (!existsSync(dump)) return [{ what, holds: false, saw: 'there is no vmcore-triage' }];
  const [tool, vmlinux] = [await judges.tool('crash'), await judges.vmlinux()];
  const commands = ['ps', 'foreach bt', 'log'];
  const outputs = await crashOutputs(tool, { vmlinux, dump, commands, timeoutSeconds: 180 });
  const tasks = outputs.ps!.match(/^[> ] +\d+ /gm)?.length ?? 0;
  const stacks = outputs['foreach bt']!.match(/^ #0 /gm)?.length ?? 0;
  return [
    {
      what,
      // A dead task has no stack any more.
      holds: outputs.crash === '' && tasks > 40 && stacks >= tasks - 2 && outputs.log !== '',
      saw: outputs.crash || `${tasks} tasks, ${stacks} stacks, ${statSync(dump).size} bytes`,
    },
  ];
};

/** What crash(8) judges, which needs the kernel's debug symbols. */
export const OPENED_BY_CRASH: readonly Expectation[] = [incompleteDumpOpens, triageDumpOpens];

/** The files of a complete capture on the boot disk. */
export const completeDump: Expectation = async (run, judges) => [
  ...(await listedPrivate(run, judges)),
  ...(await completeDumpFiles(run, judges)),
];

/** The files of a complete capture, wherever they were saved, opened by tools that are not ours. */
export const completeDumpFiles: Expectation = async (run, judges) => {
  const wanted = DUMP_FILES;
  const [dump] = run.dumps;
  const missing = dump ? wanted.filter(name => !existsSync(join(dump, name))) : wanted;
  const present = {
    what: 'one dump with all its files',
    holds: run.dumps.length === 1 && missing.length === 0,
    saw: missing.length > 0 ? `missing: ${missing.join(' ')}` : `${run.dumps.length} dump(s)`,
  };
  if (!present.holds) return [present];

  const vmcore = join(dump, 'vmcore');
  const type = await fileType(vmcore);
  const ours = readFileSync(join(dump, 'vmcore-dmesg.txt'), 'utf8');
  const panic = ours.match(LAST_WORDS)?.[0];
  const manifest = readManifest(dump);
  return [
    present,
    { what: 'file(1) knows it', holds: isKdumpCompressed(type), saw: type },
    await readByOthers(judges, { vmcore, log: ours, codec: manifest?.dump?.codec }),
    { what: 'the kernel log has the panic line', holds: panic !== undefined, saw: panic ?? 'none' },
    {
      what: 'the manifest says complete',
      holds: manifest?.state === 'complete' && manifest.crash.reason !== undefined,
      saw: manifest ? `${manifest.state}: ${manifest.crash.reason}` : 'no manifest',
    },
  ];
};

/** The image's programs find it in the runtime image. Without it, a capture goes on by other ways, and says so. */
export const ffiOpens = neverSays('the FFI opens', /kdumpling: system: warning: Cannot open the FFI/);

/** True of every capture that does not end with a complete dump. */
export const INCOMPLETE_CAPTURE: readonly Expectation[] = [
  armed,
  cameHome,
  fileSystemSound,
  noDumpLooksComplete,
];

/** True of every capture that saves a dump. */
export const SAVED_CAPTURE: readonly Expectation[] = [
  armed,
  pid1IsOurs,
  says('the capture is announced as saved', /kdumpling: end: saved \/var\/crash\//),
  cameHome,
  unmountedCleanly,
  fileSystemSound,
  completeDump,
];

/** True of every capture that works. */
export const SOUND_CAPTURE: readonly Expectation[] = [...SAVED_CAPTURE, autopsySavedOrSkipped, neverSilent];
