/** The syntax of /etc/kdump.conf (kdump.conf(5)): one directive per line, a name and a value; `#` begins a comment. */

export interface Line {
  /** The first line is 1. */
  readonly number: number;
  readonly name: string;
  /** Without surrounding blanks; empty if there is none. */
  readonly value: string;
}

export function parseConfig(text: string): Line[] {
  return text
    .split('\n')
    .map((line, index) => ({ number: index + 1, text: line.replace(/#.*/, '').trim() }))
    .filter(line => line.text !== '')
    .map(({ number, text: directive }) => {
      const [, name, value] = /^(\S+)\s*(.*)$/.exec(directive)!;
      return { number, name: name!, value: value! };
    });
}
