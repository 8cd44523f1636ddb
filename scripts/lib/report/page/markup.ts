/**
 * HTML from templates in which every value is escaped. A dump's text is written by whoever had the machine, so only a
 * template's own words are ever markup.
 */
import { printable } from '../../../../capture/text.ts';

/** Keeps the constructor from everything but `html`. */
const MAKE = Symbol('make');

/** Text that is HTML already. Only `html` makes it. */
export class Markup {
  readonly #text: string;
  private constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }

  /** For `html` alone. */
  static [MAKE](text: string): Markup {
    return new Markup(text);
  }
}

/** Undefined and false leave nothing, so that `condition && html…` works. */
export type Value = Markup | string | number | undefined | false | readonly Value[];

/** Values stand in text or in a double-quoted attribute, never in a tag's name, a script or a style. */
export function html(words: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return Markup[MAKE](String.raw({ raw: words }, ...values.map(textOf)));
}

function textOf(value: Value): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.toString();
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value));
  return value.map(textOf).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, char => ENTITIES[char]!);
}
