/** The state of a machine as text, with the three lines that COS's tools look for, and as JSON. */
import { Buffer } from 'node:buffer';
import { printable } from '../../../capture/text.ts';
import { type CommandLinePlan, LONGEST_LINE_BYTES, type Reasoned } from '../../../initrd/command-line.ts';
import { describeBytes } from '../cli/sizes.ts';
import { tableLines, terminalColumns } from '../cli/table.ts';
import { dumpData, dumpLines, ignoredLines } from '../dumps/list-text.ts';
import { cpusText } from '../estimate/cpus.ts';
import { crashkernelValue, partsText } from '../estimate/reservation.ts';
import { describeAbsence } from '../storage/dump-location.ts';
import type { HostTarget } from '../storage/host-target.ts';
import type { State } from './state.ts';

export const STATE_FORMAT = 1;

/** The newest so many; `list` has all. */
const MOST_DUMPS = 10;

/** @param verbose with the crash kernel's command line and the reasons for it. */
export function stateText(state: State, { verbose = false } = {}): string {
  const { facts, findings, dumps } = state;
  const { target } = facts;
  return [
    `kdump enabled: ${facts.enabled}`,
    `kdump ready: ${state.ready}`,
    `kdump kernel loaded: ${facts.isLoaded}`,
    `kernel: ${facts.kver || 'none'}`,
    `initrd: ${facts.image ?? 'none'}`,
    `reserved: ${facts.host.isImage ? 'at boot' : partsText(facts.reserved)}, minimum ${crashkernelValue(facts.reservation.leastBytes)}`,
    ...(facts.host.isImage ? [] : [`crash kernel: ${cpusText(facts.cpus)}`]),
    `target: ${target ? `${target.fstype} ${target.target}, ${directoryText(target)}` : 'none'}`,
    ...spaceText(facts),
    ...(facts.host.isImage ? [] : [`panic on: ${sysctlsText(state)}`]),
    ...(verbose ? commandLineText(facts.crashCommandLine).map(printable) : []),
    ...findings.filter(({ blocks }) => !blocks).map(({ text, fix }) => `warning: ${text}; to fix it: ${fix}`),
    `dumps: ${dumps.length || 'none'}`,
    ...dumpLines(dumps.slice(-MOST_DUMPS), 2),
    ...(dumps.length > MOST_DUMPS
      ? [`  and ${dumps.length - MOST_DUMPS} older ones; see kdumpling list`]
      : []),
    ...ignoredLines(state.ignored),
    ...(state.test ? [state.test.text] : []),
    verdict(state),
  ].join('\n');
}

function spaceText({ roomBytes, dump }: State['facts']): string[] {
  if (roomBytes === undefined) return [];
  const need = dump ? `; a dump taken now would need about ${describeBytes(dump.usualBytes)}` : '';
  return [`space: room for a dump of ${describeBytes(roomBytes)}${need}`];
}

function directoryText({ location, path }: HostTarget): string {
  return location.kind === 'visible'
    ? location.directory
    : `${path} (not visible now: ${describeAbsence(location).actual})`;
}

/** The last line: armed, or not armed, why, and how to fix it. */
export function verdict({ facts, armed, findings }: State): string {
  if (armed && facts.host.isImage) return 'enabled: a machine that boots from here is armed';
  if (armed) return 'armed: a crash of this machine will be captured';
  const { text, fix } = findings.find(({ blocks }) => blocks)!;
  return `not armed: ${text}; to fix it: ${fix}`;
}

function commandLineText({ text, leftOut, added, appended }: CommandLinePlan): string[] {
  const list = (title: string, words: readonly Reasoned[]) =>
    words.length === 0 ? [] : [title, ...wordLines(words)];
  return [
    `crash kernel command line: ${text}`,
    `  ${Buffer.byteLength(text)} of at most ${LONGEST_LINE_BYTES} bytes`,
    ...list('left out of it:', leftOut),
    ...list('added by kdumpling:', added),
    ...(appended.length === 0 ? [] : [`added by command_line_append: ${appended.join(' ')}`]),
  ];
}

function wordLines(words: readonly Reasoned[]): string[] {
  const rows = words.map(({ word, why }) => [word, why]);
  return tableLines(rows, { indent: 2, columns: terminalColumns(), last: 'wrapped' });
}

function sysctlsText({ sysctls }: State): string {
  return sysctls
    .filter(({ value }) => value !== undefined)
    .map(({ name, value, wanted }) => `${name.replace('kernel.', '')} ${value === wanted ? 'yes' : 'no'}`)
    .join(', ');
}

/** The document of `kdumpling show --json`. */
export function stateData(state: State): unknown {
  const { facts, findings, sysctls, dumps, ignored } = state;
  return {
    format: STATE_FORMAT,
    enabled: facts.enabled,
    ready: state.ready,
    loaded: facts.isLoaded,
    armed: state.armed,
    verdict: verdict(state),
    kernel: facts.kver,
    initrd: facts.image,
    reservedBytes: facts.reserved.bytes,
    reservedCmaBytes: facts.reserved.cmaBytes,
    neededBytes: facts.reservation.leastBytes,
    ...(facts.host.isImage ? {} : { crashCpus: facts.cpus }),
    target: facts.target,
    roomBytes: facts.roomBytes,
    predictedDumpBytes: facts.dump && Math.round(facts.dump.usualBytes),
    secureBoot: facts.isSecureBoot,
    lockdown: facts.lockdown,
    sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])),
    findings,
    commandLine: {
      text: facts.crashCommandLine.text,
      bytes: Buffer.byteLength(facts.crashCommandLine.text),
      longestBytes: LONGEST_LINE_BYTES,
      added: facts.crashCommandLine.added,
      appended: facts.crashCommandLine.appended,
      leftOut: facts.crashCommandLine.leftOut,
    },
    test: state.test && { passed: state.test.passed, text: state.test.text, changed: state.test.changed },
    dumps: dumps.map(dumpData),
    ignored,
  };
}
