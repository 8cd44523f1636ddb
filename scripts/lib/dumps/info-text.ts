/** One dump in some lines. */
import { counted } from '../../../capture/errors.ts';
import { describeDumpLevel } from '../../../capture/filter/dump-level.ts';
import { printable } from '../../../capture/text.ts';
import { describeBytes, describeSize } from '../cli/sizes.ts';
import { standInNote } from './choose-file.ts';
import type { Dump } from './dumps.ts';

export function infoText(dump: Dump): string {
  const { id, directory, state, why, time, timeBy, madeBy, manifest, dumpFile, logFile } = dump;
  const rows: (readonly [string, string | undefined])[] = [
    ['dump', id],
    ['directory', directory],
    ['state', why ? `${state}: ${why}` : state],
    ['crashed', `${time.toISOString()}${TIME_BY[timeBy]}`],
    ['why', manifest?.crash.reason],
    ['kernel', [manifest?.kernel.release, manifest?.kernel.version].filter(Boolean).join(' ') || undefined],
    ['build id', manifest?.kernel.buildId],
    ['size', describeSize(dump)],
    ['files', [dumpFile, logFile].filter(Boolean).join(', ') || undefined],
    ['note', standInNote(dump)],
    ['triage', triageOf(dump)],
    ['autopsy', autopsyOf(manifest?.autopsy)],
    ['pages', pagesOf(manifest?.dump)],
    ['seconds', secondsOf(manifest?.seconds)],
    ['memory', memoryOf(manifest?.memory)],
    ['cpus', cpusOf(manifest?.cpus)],
    ['program', manifest?.program ?? madeBy],
    ...(manifest?.warnings ?? []).map(warning => ['warning', warning] as const),
  ];
  return rows
    .filter(([, value]) => value)
    .map(([name, value]) => `${name.padEnd(12)}${printable(value!)}`)
    .join('\n');
}

const TIME_BY: Readonly<Record<Dump['timeBy'], string>> = {
  clock: '',
  'unset clock': ' (by the directory; the clock was not set)',
  file: ' (when the dump was written)',
};

function pagesOf(dump: NonNullable<Dump['manifest']>['dump']): string | undefined {
  if (!dump) return undefined;
  const { total, dumped, zero } = dump.pages;
  return `${dumped} kept of ${total}, ${zero} zero; dump level ${describeDumpLevel(dump.level)}; ${dump.codec}`;
}

function triageOf({ manifest, files }: Dump): string | undefined {
  const triage = manifest?.triage;
  const file = triage && files.find(({ name }) => name === triage.name);
  return file && `${file.name}: ${triage.pages.dumped} pages, ${describeSize(file)}`;
}

function autopsyOf(autopsy: NonNullable<Dump['manifest']>['autopsy']): string | undefined {
  if (!autopsy) return undefined;
  const { state, why, class: name, culprit } = autopsy;
  const found = [name && `class ${name}`, culprit && `in ${culprit}`].filter(Boolean).join(', ');
  return [state, why ?? found].filter(Boolean).join(': ');
}

/** How near the capture came to the end of its memory: for the size of the reservation. */
function memoryOf(memory: NonNullable<Dump['manifest']>['memory']): string | undefined {
  if (!memory) return undefined;
  const { totalBytes, lowestAvailableBytes } = memory;
  return `${describeBytes(lowestAvailableBytes)} of the crash kernel's ${describeBytes(totalBytes)} were never needed`;
}

function cpusOf(cpus: NonNullable<Dump['manifest']>['cpus']): string | undefined {
  if (!cpus) return undefined;
  const { online, threads } = cpus;
  const work = threads === undefined ? '' : `, ${counted(threads, 'thread')} compressed`;
  return `${online} in the crash kernel${work}`;
}

function secondsOf(seconds: Readonly<Record<string, number>> | undefined): string | undefined {
  return (
    seconds &&
    Object.entries(seconds)
      .map(([phase, value]) => `${phase} ${value.toFixed(1)}`)
      .join(', ')
  );
}
