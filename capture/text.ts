/** Text that others wrote (a crashed kernel, a manifest, a name on a disk), made safe to show. */

/**
 * For a terminal, a journal or a page: control characters (C0, DEL, C1), line and paragraph separators, and marks that
 * turn the direction of writing become spaces, so that text can neither steer what shows it nor pose as another line.
 */
export function printable(text: string): string {
  return text.replace(STEERING, ' ');
}

const STEERING =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
