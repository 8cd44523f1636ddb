/** A crash report as a page for people, and as lines for a journal. */
import { printable } from '../../../capture/text.ts';
import { blockedLines, deadlockText } from './blocked.ts';
import type { CrashReport } from './crash-report.ts';
import type { HungTask, MachineCheck } from './details.ts';
import { duration } from './duration.ts';
import type { Frame } from './frames.ts';

const TRACE_FRAMES = 16;
/** The newest of them. */
const OTHER_REPORTS = 5;
const LABEL_CHARS = 12;
const WIDTH = 100;

/** One fact: a label, and what is to be said. */
type Fact = readonly [label: string, text: string];

export function reportPage(report: CrashReport): string {
  const { crash, next } = report;
  const facts = factsOf(report).flatMap(([label, text]) => wrapped(label, text));
  const trace = crash.trace.slice(0, TRACE_FRAMES).map(frameText);
  const left = crash.trace.length - trace.length;
  const others = report.others.slice(-OTHER_REPORTS).map(otherText);
  const width = Math.max(...next.map(({ command }) => command.length));
  return [
    `Crash report ${report.id}`,
    '',
    ...facts,
    ...(trace.length > 0 ? ['', `Call trace by the ${SOURCES[crash.stackFrom]}, innermost first`] : []),
    ...trace.map(line => `  ${line}`),
    ...(left > 0 ? [`  … and ${left} more`] : []),
    ...(others.length > 0 ? ['', 'Other reports in this log'] : []),
    ...others.map(line => `  ${line}`),
    '',
    'Next',
    ...next.map(({ command, why }) => `  ${command.padEnd(Math.min(width, 70))}  # ${why}`),
    '',
  ]
    .map(printable)
    .join('\n');
}

const SOURCES = {
  memory: 'memory of the crashed kernel',
  autopsy: 'autopsy before the dump',
  log: 'kernel log',
} as const;

/** One line a fact. A log's readers see the lines apart, so each says which crash it is of. */
export function reportLines(report: CrashReport): string[] {
  const { crash } = report;
  const trace: Fact[] =
    crash.trace.length > 0
      ? [
          [
            'call trace',
            crash.trace
              .filter(({ doubtful }) => !doubtful)
              .map(({ name }) => name)
              .join(' < '),
          ],
        ]
      : [];
  const facts = [...factsOf(report), ...trace];
  return facts.map(([label, text]) => printable(`crash ${report.id}: ${label}: ${text}`));
}

function factsOf(report: CrashReport): Fact[] {
  const { crash, kernel, when, saved } = report;
  const facts: (readonly [string, string | undefined])[] = [
    ['why', crash.meaning],
    ['kernel said', crash.reason],
    ['in', crash.culprit && frameText(crash.culprit)],
    ['task', crash.task && taskText(crash.task)],
    ['at', crash.at && frameText(crash.at)],
    ['code', crash.code],
    ['registers', registersText(crash.registers)],
    ...crash.differences.map(text => ['but', text] as const),
    ...(crash.hungTasks ?? []).map(task => ['hung', hungText(task)] as const),
    ['deadlock', crash.blocked && deadlockText(crash.blocked)],
    ...(crash.blocked ? blockedLines(crash.blocked) : []).map(text => ['blocked', text] as const),
    ...(crash.machineChecks ?? []).map(check => ['hardware error', checkText(check)] as const),
    ['signature', report.signature],
    ['host', [report.host ?? 'not known', crash.hardware].filter(Boolean).join(', ')],
    ['kernel', [kernel.release, kernel.version && `(${kernel.version})`].filter(Boolean).join(' ')],
    ['build id', kernel.buildId],
    ['tainted', crash.taints.map(({ letter, meaning }) => `${letter}: ${meaning}`).join('; ')],
    ['modules', modulesText(crash.modules)],
    ['last unloaded', crash.lastUnloaded],
    ['crashed', `${when.crashed}${TIME_BY[when.by]}`],
    ['booted', when.booted && `${when.booted}, up ${duration(crash.uptimeSeconds!)}`],
    ['saved', `${saved.directory}: ${saved.state}${saved.why ? `: ${saved.why}` : ''}${verified(report)}`],
    ['files', saved.files.map(({ name, bytes }) => `${name} ${bytes}`).join(', ')],
    ['dump', dumpText(saved)],
    ...report.warnings.map(text => ['warning', text] as const),
  ];
  return facts.filter((fact): fact is Fact => Boolean(fact[1]));
}

const TIME_BY: Readonly<Record<CrashReport['when']['by'], string>> = {
  clock: '',
  'unset clock': ' (the clock was not set)',
  file: ' (when the dump was written)',
};

function taskText({ comm, pid, cpu }: NonNullable<CrashReport['crash']['task']>): string {
  return `${comm} (pid ${pid})${cpu === undefined ? '' : ` on CPU ${cpu}`}`;
}

/** A dump is called complete by its manifest only after it was read back. */
function verified({ saved }: CrashReport): string {
  return saved.state === 'complete' && saved.dumpLevel !== undefined ? ', read back when it was written' : '';
}

function dumpText({ dumpLevel, codec, pagesDumped, pagesTotal, captureSeconds }: CrashReport['saved']) {
  if (dumpLevel === undefined) return undefined;
  const pages = `${pagesDumped} of ${pagesTotal} pages`;
  const seconds = captureSeconds === undefined ? '' : `, ${captureSeconds} s since the crash kernel’s start`;
  return `level ${dumpLevel}, ${codec}, ${pages}${seconds}`;
}

/** Modules with flags (not of the kernel's own tree, unsigned) by name, the others by their number. */
function modulesText(modules: readonly string[]): string | undefined {
  if (modules.length === 0) return undefined;
  const flagged = modules.filter(name => name.includes('('));
  return `${modules.length}${flagged.length > 0 ? `, of them ${flagged.join(', ')}` : ''}`;
}

function frameText({ name, offset, size, module, doubtful }: Frame): string {
  return `${doubtful ? '? ' : ''}${name}+${offset}/${size}${bracketed(module)}`;
}

function otherText({ reason, seconds }: CrashReport['others'][number]): string {
  return seconds === undefined ? reason : `[${seconds.toFixed(6).padStart(12)}] ${reason}`;
}

function registersText(registers: CrashReport['crash']['registers']): string {
  return Object.entries(registers)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

function hungText({ comm, pid, waitsFor }: HungTask): string {
  return `${comm} (pid ${pid})${waitsFor ? ` waits for ${waitsFor.comm} (pid ${waitsFor.pid})` : ''}`;
}

function checkText({ cpu, bank, status, address }: MachineCheck): string {
  const parts = [
    cpu === undefined ? '' : `CPU ${cpu}`,
    bank === undefined ? '' : `bank ${bank}`,
    status === undefined ? '' : `status ${status}`,
    address === undefined ? '' : `address ${address}`,
  ];
  return parts.filter(Boolean).join(', ');
}

function bracketed(module: string | undefined): string {
  return module ? ` [${module}]` : '';
}

function wrapped(label: string, text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH - LABEL_CHARS)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line, index) => `${(index === 0 ? label : '').padEnd(LABEL_CHARS)}${line}`);
}
