/** The manual pages of the package, as files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CAPTURE_PAGE } from './capture-page.ts';
import { CONFIG_PAGE } from './config-page.ts';
import { JSON_PAGE } from './json-page.ts';
import { kdumplingPage } from './kdumpling-page.ts';
import { type Edition, renderPage } from './roff.ts';

/** Path below a folder like /usr/share/man -> roff. A name that shares a page has a page that includes it. */
export async function manualFiles(edition: Edition): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const page of [await kdumplingPage(), CONFIG_PAGE, JSON_PAGE, CAPTURE_PAGE]) {
    const { name, section, aliases = [] } = page;
    const path = `man${section}/${name}.${section}`;
    files.set(path, renderPage(page, edition));
    for (const alias of aliases) files.set(`man${section}/${alias}.${section}`, `.so ${path}\n`);
  }
  return files;
}

/** @returns the files' paths. */
export function writeFiles(folder: string, files: ReadonlyMap<string, string | Uint8Array>): string[] {
  return [...files].map(([path, content]) => {
    const file = join(folder, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, content);
    return file;
  });
}
