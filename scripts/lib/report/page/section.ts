/** One part of the page: a heading in the margin with what it amounts to, and its body; or why it is missing. */
import { isMissing, type Part } from '../../../../capture/autopsy/summary/autopsy.ts';
import { html, type Markup, type Value } from './markup.ts';

export interface Section {
  readonly id: string;
  readonly title: string;
  /** What it amounts to, in a few words. */
  readonly note?: Value;
  readonly body: Value;
}

export function section({ id, title, note, body }: Section): Markup {
  return html`<section id="${id}"><header><h2>${title}</h2>${note !== undefined && html`<p>${note}</p>`}</header><div>${body}</div></section>
`;
}

/** @param show makes note and body of a part that is there. */
export function partSection<T extends object>(
  id: string,
  title: string,
  part: Part<T>,
  show: (present: T) => Pick<Section, 'note' | 'body'>,
): Section {
  if (isMissing(part)) return { id, title, body: missing(part.missing) };
  return { id, title, ...show(part) };
}

export function missing(why: string): Markup {
  return html`<p class="missing">Not known: ${why}.</p>`;
}
