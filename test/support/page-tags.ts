/** The tags of an HTML page, read strictly: what a browser would have to guess at is an error. */

export interface Tag {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const VOID = ['meta', 'link', 'br', 'img', 'input'];
const TAG = /^<([a-z][a-z0-9]*)((?: [a-zA-Z-]+="[^"<]*")*)(\/?)>/;

/** In their order. @throws Error for a tag that is not closed, a stray `<`, or an attribute without quotes. */
export function tagsOf(page: string): Tag[] {
  const tags: Tag[] = [];
  const open: string[] = [];
  let rest = page.replace(/^<!DOCTYPE html>/, '');
  for (let at = rest.indexOf('<'); at >= 0; at = rest.indexOf('<')) {
    rest = rest.slice(at);
    const end = /^<\/([a-z][a-z0-9]*)>/.exec(rest);
    const begin = TAG.exec(rest);
    if (end) {
      if (open.pop() !== end[1]) throw new Error(`a stray ${end[0]}`);
      rest = rest.slice(end[0].length);
    } else if (begin) {
      const [whole, name, attributes, isClosed] = begin as unknown as [string, string, string, string];
      tags.push({
        name,
        attributes: Object.fromEntries(
          [...attributes.matchAll(/ ([a-zA-Z-]+)="([^"]*)"/g)].map(m => [m[1]!, m[2]!]),
        ),
      });
      if (!isClosed && !VOID.includes(name)) open.push(name);
      rest = rest.slice(whole.length);
      // What is in it is no markup.
      if (name === 'style') rest = rest.slice(rest.indexOf('</style>'));
    } else throw new Error(`no tag: ${rest.slice(0, 80)}`);
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(', ')}`);
  return tags;
}
