/** LVM2's metadata text: nested sections of `name = value`, as lvm2's lib/config writes them. */
import { TargetError } from '../../../errors.ts';

export type Value = string | number | readonly (string | number)[];
export interface Section {
  readonly [name: string]: Value | Section;
}

/** LVM nests four deep; a bound for what a broken disk may say. */
const DEEPEST = 16;
const TOKEN = /\s+|#[^\n]*|"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?)(?![\w.+-])|([\w.+-]+)|([{}[\]=,])/gsy;

type Token = { readonly text: string; readonly kind: 'string' | 'number' | 'name' | 'mark' };

/** @throws TargetError for what is no such text. */
export function parseMetadata(text: string): Section {
  const tokens = tokenize(text);
  let at = 0;
  const next = (): Token => tokens[at++] ?? { text: 'its end', kind: 'mark' };
  const expectMark = (mark: string) => {
    const token = next();
    if (token.kind !== 'mark' || token.text !== mark)
      throw unreadable(`${token.text} where ${mark} should be`);
  };

  const value = (): Value => {
    const token = next();
    if (token.kind === 'string') return token.text;
    if (token.kind === 'number') return Number(token.text);
    if (token.text !== '[' || token.kind !== 'mark') throw unreadable(`${token.text} is no value`);
    const list: (string | number)[] = [];
    while (tokens[at]?.text !== ']') {
      const item = value();
      if (typeof item === 'object') throw unreadable('a list in a list');
      list.push(item);
      if (tokens[at]?.text === ',') at++;
    }
    expectMark(']');
    return list;
  };

  const section = (depth: number): Section => {
    if (depth > DEEPEST) throw unreadable('it nests too deep');
    // No prototype: a name is whatever a broken disk says it is.
    const entries: Record<string, Value | Section> = Object.create(null);
    while (at < tokens.length && tokens[at].text !== '}') {
      const name = next();
      if (name.kind === 'mark') throw unreadable(`${name.text} is no name`);
      const mark = next();
      if (mark.text === '{') {
        entries[name.text] = section(depth + 1);
        expectMark('}');
      } else if (mark.text === '=') {
        entries[name.text] = value();
      } else {
        throw unreadable(`${mark.text} after ${name.text}`);
      }
    }
    return entries;
  };

  const all = section(0);
  if (at < tokens.length) throw unreadable('a } too many');
  return all;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw unreadable(`a letter at ${from} that has no place there`);
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
