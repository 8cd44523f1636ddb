/** The syntax of /etc/kdump.conf (kdump.conf(5)): one directive per line, a name and a value. */

export interface Line {
  /** The first line is 1. */
  readonly number: number;
  readonly name: string;
  /** Without surrounding blanks; empty if there is none. */
  readonly value: string;
}

/** A comment begins at the start of a line or after a blank: `notify_url https://host/a#b` has none. */
const COMMENT = /(^|\s)#.*/;

export function parseConfig(text: string): Line[] {
  return text
    .split('\n')
    .map((line, index) => ({ number: index + 1, text: line.replace(COMMENT, '').trim() }))
    .filter(line => line.text !== '')
    .map(({ number, text: directive }) => {
      const [, name, value] = /^(\S+)\s*(.*)$/s.exec(directive)!;
      return { number, name: name!, value: value! };
    });
}
