/** The signature by which crashes of one cause are the same: on any machine, on any build of the kernel. */
import { createHash } from 'node:crypto';
import type { Cause } from './cause.ts';

const FRAMES = 5;
const HASH_CHARS = 12;

/** The class and the functions, without addresses, offsets, numbers and task names. */
export function signatureOf({ class: name, reason, frames }: Cause): string {
  // What has no class of its own is distinguished by its words.
  const words = name === 'panic' && reason !== undefined ? [withoutNumbers(reason)] : [];
  const key = [name, ...words, ...frames.slice(0, FRAMES).map(frame => frame.name)].join('|');
  return `${name}-${createHash('sha256').update(key).digest('hex').slice(0, HASH_CHARS)}`;
}

function withoutNumbers(text: string): string {
  return text.replace(/\b(0x)?[0-9a-f]*\d[0-9a-f]*\b/gi, 'N');
}
