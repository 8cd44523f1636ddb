/** CHANGELOG.md as data: what the changelogs of the packages and the date of the manual pages are made from. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../paths.ts';

export interface Release {
  readonly version: string;
  readonly date: Date;
  /** One item each, as plain text on one line; `Added: …` below a heading of that name. */
  readonly changes: readonly string[];
}

const CHANGELOG = join(PROJECT, 'CHANGELOG.md');

/** Newest first. @param version of a release that is not named yet. */
export function readChangelog(version: string): Release[] {
  return parseChangelog(readFileSync(CHANGELOG, 'utf8'), { version, date: dateOfUnreleased() });
}

/**
 * Reads releases below `## VERSION - DATE`, with changes as list items or, in a section without a list, as paragraphs.
 * @param unreleased stands in for a version or a date that a heading lacks.
 */
export function parseChangelog(text: string, unreleased: { version: string; date: Date }): Release[] {
  const [, ...sections] = text.split(/^## /m);
  return sections.map(section => {
    const [heading, ...lines] = section.split('\n');
    const date = /\d{4}-\d\d-\d\d/.exec(heading!)?.[0];
    return {
      version: /\d+\.\d+\.\d+/.exec(heading!)?.[0] ?? unreleased.version,
      date: date === undefined ? unreleased.date : new Date(`${date}T12:00:00Z`),
      changes: changesOf(lines.join('\n')),
    };
  });
}

function changesOf(section: string): string[] {
  const [before, ...groups] = section.split(/^### /m);
  return [
    ...itemsOf(before!),
    ...groups.flatMap(group => {
      const [title, ...lines] = group.split('\n');
      return itemsOf(lines.join('\n')).map(item => `${title!.trim()}: ${item}`);
    }),
  ];
}

function itemsOf(text: string): string[] {
  const list = text.split(/^[-*] /m).slice(1);
  const items = list.length > 0 ? list : text.split(/\n\n+/);
  return items.map(plain).filter(item => item !== '');
}

/** Without the marks of Markdown that mean nothing in a Debian or RPM changelog. */
function plain(markdown: string): string {
  return markdown
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\*\*|`/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** https://reproducible-builds.org/specs/source-date-epoch/; else the changelog's own time. */
function dateOfUnreleased(): Date {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  return epoch ? new Date(Number(epoch) * 1000) : statSync(CHANGELOG).mtime;
}
