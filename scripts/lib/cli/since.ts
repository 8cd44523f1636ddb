/** A point of time as users give it to --since. */
import { badValue } from './command.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * A date with or without a time, local unless it ends in Z; `today`, `yesterday`; so many s, min, h, d or w ago.
 * @throws UsageError
 */
export function parseSince(text: string, now: Date): Date {
  const ago = /^(\d+) ?(s|min|h|d|w)(?: ago)?$/.exec(text);
  if (ago) return new Date(now.getTime() - Number(ago[1]) * SECONDS[ago[2]!]! * 1000);
  if (text === 'today' || text === 'yesterday')
    return new Date(now.getFullYear(), now.getMonth(), now.getDate() - (text === 'today' ? 0 : 1));
  const date = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?)(Z?))?$/.exec(text);
  const [, day, time = '00:00', zone = ''] = date ?? [];
  const parsed = new Date(`${day}T${time}${zone}`);
  if (date && !Number.isNaN(parsed.getTime())) return parsed;
  throw badValue(
    'since',
    text,
    'a date like 2026-11-28 or "2026-11-28 10:12", today, yesterday, or 3d, 2h, 30min',
  );
}
