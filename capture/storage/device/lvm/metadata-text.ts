/** Parser for LVM2's metadata text: nested sections of `name = value`, in the format of lvm2's lib/config. */
import { TargetError } from '../../../errors.ts';

export type Value = string | number | readonly (string | number)[];
export interface Section {
  readonly [name: string]: Value | Section;
}

/** LVM nests four deep; this bounds what a damaged disk can cause. */
const DEEPEST = 16;
const TOKEN = /\s+|#[^\n]*|"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?)(?![\w.+-])|([\w.+-]+)|([{}[\]=,])/gsy;

type Token = { readonly text: string; readonly kind: 'string' | 'number' | 'name' | 'mark' };

/** @throws TargetError for malformed text. */
export function parseMetadata(text: string): Section {
  const tokens = tokenize(text);
  let at = 0;
  const next = (): Token => tokens[at++] ?? { text: 'its end', kind: 'mark' };
  const expectMark = (mark: string) => {
    const token = next();
    if (token.kind !== 'mark' || token.text !== mark)
      throw unreadable(`found ${token.text} in place of ${mark}`);
  };

  const value = (): Value => {
    const token = next();
    if (token.kind === 'string') return token.text;
    if (token.kind === 'number') return Number(token.text);
    if (token.text !== '[' || token.kind !== 'mark') throw unreadable(`${token.text} is not a value`);
    const list: (string | number)[] = [];
    while (tokens[at]?.text !== ']') {
      const item = value();
      if (typeof item === 'object') throw unreadable('found a list within a list');
      list.push(item);
      if (tokens[at]?.text === ',') at++;
    }
    expectMark(']');
    return list;
  };

  const section = (depth: number): Section => {
    if (depth > DEEPEST) throw unreadable('its sections nest too deep');
    // No prototype: a name comes from the disk and can be __proto__.
    const entries: Record<string, Value | Section> = Object.create(null);
    while (at < tokens.length && tokens[at].text !== '}') {
      const name = next();
      if (name.kind === 'mark') throw unreadable(`${name.text} is not a name`);
      const mark = next();
      if (mark.text === '{') {
        entries[name.text] = section(depth + 1);
        expectMark('}');
      } else if (mark.text === '=') {
        entries[name.text] = value();
      } else {
        throw unreadable(`found ${mark.text} after ${name.text}`);
      }
    }
    return entries;
  };

  const all = section(0);
  if (at < tokens.length) throw unreadable('it has an unmatched }');
  return all;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw unreadable(`unexpected character at offset ${from}`);
    const [, quoted, number, name, mark] = match;
    if (quoted !== undefined) tokens.push({ text: quoted.replace(/\\(.)/gs, '$1'), kind: 'string' });
    else if (number !== undefined) tokens.push({ text: number, kind: 'number' });
    else if (name !== undefined) tokens.push({ text: name, kind: 'name' });
    else if (mark !== undefined) tokens.push({ text: mark, kind: 'mark' });
  }
  return tokens;
}

function unreadable(actual: string): TargetError {
  return new TargetError('LVM_METADATA', { action: 'read the LVM metadata', actual });
}
