/** Progress of long work as one line: a bar, the share, the rate and the time that is left. */
import { describeBytes } from './sizes.ts';

export type ProgressUnit = 'bytes' | 'pages';

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly unit: ProgressUnit;
  /** Since the work began. */
  readonly seconds: number;
}

const MOST_BAR_CHARS = 30;

/** `[#######·····]  37.2 %  15 MB/s  ETA 4 s`, with a bar where it fits. @param columns of the terminal */
export function progressLine({ done, total, unit, seconds }: Progress, columns: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const rate = seconds > 0 ? done / seconds : 0;
  const texts = [
    `${(share * 100).toFixed(1)} %`,
    ...(rate > 0 ? [describeRate(rate, unit), `ETA ${describeSeconds((total - done) / rate)}`] : []),
  ];
  const text = texts.join('  ');
  // The last column stays free: a terminal may go to the next line when it is written.
  const room = Math.min(MOST_BAR_CHARS, columns - text.length - '[]  '.length - 1);
  if (room < 5) return text.slice(0, columns - 1);
  const filled = Math.round(share * room);
  return `[${'#'.repeat(filled)}${'·'.repeat(room - filled)}]  ${text}`;
}

function describeRate(rate: number, unit: ProgressUnit): string {
  return unit === 'bytes' ? `${describeBytes(rate)}/s` : `${Math.round(rate)} pages/s`;
}

/** `4 s`, `2 min 10 s`, `1 h 5 min`. */
export function describeSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
