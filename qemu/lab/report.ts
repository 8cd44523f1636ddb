/** What a person reads after a crash in the lab. */
import { join, relative } from 'node:path';
import type { Manifest } from '../../capture/storage/manifest.ts';
import type { Check } from '../expect/check.ts';
import { readManifest } from '../expect/manifest.ts';
import { segmentBars } from '../run/segment-bars.ts';
import { segmentsOf } from '../run/segments.ts';
import type { Verdict } from './crash.ts';
import { wordsForReservation } from './kaslr.ts';
import type { Lab } from './lab.ts';

/** The capture as `npm start` shows it. */
export function describeCapture(lab: Lab, { run, checks, verdict }: Verdict): string {
  const manifest = run.dumps.length > 0 ? readManifest(run.dumps[0]) : undefined;
  const rows: [string, string][] = [
    ['panic', manifest?.crash.reason ?? 'unknown'],
    ['kernel', `${manifest?.kernel.release ?? lab.kernel.release} (${lab.kernel.origin})`],
    ...(lab.system ? [['system', `${lab.system.name} (${lab.system.path})`] as [string, string]] : []),
    ['machine', machineText(lab)],
    ...(manifest?.dump ? dumpRows(manifest) : []),
    ...stationRows(run.milestones),
    ['files', run.dumps.map(dump => `${relative(process.cwd(), dump)}/`).join(' ') || 'none'],
    ['serial log', relative(process.cwd(), join(run.directory, 'serial.log'))],
  ];
  return [
    '',
    ...rows.map(([name, text]) => `  ${name.padEnd(16)}${text}`),
    '',
    ...timeBars(run.milestones, manifest?.seconds),
    ...checks.map(describeCheck),
    '',
    verdict === 'passed'
      ? '  The machine crashed, was captured, and came home.'
      : '  FAILED: not everything above holds.',
  ].join('\n');
}

function machineText({ choice: { memoryMib, crashkernel }, accel }: Lab): string {
  const words = wordsForReservation(memoryMib, crashkernel);
  return [`${memoryMib} MiB`, `crashkernel=${crashkernel}`, ...words, accel].join(', ');
}

/** One line for the check, and a second with what was seen when it does not hold. */
export function describeCheck({ what, holds, saw }: Check): string {
  return holds ? `  ✓ ${what}` : `  ✗ ${what}\n      saw: ${saw}`;
}

function dumpRows({ dump }: Manifest): [string, string][] {
  const { pages, bytes, pageSizeBytes, codec, level } = dump!;
  const share = ((100 * bytes) / (pages.total * pageSizeBytes)).toFixed(1);
  const kept = `${pages.dumped} of ${pages.total} pages kept, ${pages.total - pages.dumped} left out`;
  return [
    ['pages', `${kept} (dump level ${level})`],
    ['dump', `${(bytes / 1e6).toFixed(1)} MB, ${share} % of memory, ${codec}`],
  ];
}

function stationRows(milestones: Verdict['run']['milestones']): [string, string][] {
  const { panic, 'PID 1': pid1, 'capture ended': ended, 'came home': home } = milestones;
  if (panic === undefined) return [];
  const since = (at: number | undefined) => (at === undefined ? '-' : `${(at - panic).toFixed(1)} s`);
  return [
    ['since the panic', `PID 1 ${since(pid1)}, capture ended ${since(ended)}, came home ${since(home)}`],
  ];
}

/** From the panic to the machine's return. A crash kernel whose console is silent shows no stations to tell apart. */
function timeBars(lab: Verdict['run']['milestones'], capture: Manifest['seconds'] | undefined): string[] {
  if (lab['PID 1'] === undefined) return [];
  return [...segmentBars(segmentsOf({ lab, capture })).map(line => `  ${line}`), ''];
}
