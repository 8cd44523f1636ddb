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
  const releases = sections.map(section => {
    const [heading, ...lines] = section.split('\n');
    const date = /\d{4}-\d\d-\d\d/.exec(heading!)?.[0];
    return {
      version: /\d+\.\d+\.\d+/.exec(heading!)?.[0] ?? unreleased.version,
      date: date === undefined ? unreleased.date : new Date(`${date}T12:00:00Z`),
      changes: changesOf(lines.join('\n')),
    };
  });
  // Changes that are not released yet go into the version that is.
  const versions = Map.groupBy(releases, ({ version }) => version);
  return [...versions.values()].map(same => ({
    ...same[0]!,
    changes: same.flatMap(({ changes }) => changes),
  }));
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

/** A changelog in Debian's format (deb-changelog(5)). @param maintainer `NAME <ADDRESS>`. */
export function debianChangelog(releases: readonly Release[], maintainer: string): string {
  return releases
    .map(({ version, date, changes }) => {
      const items = changes.map(change => wrapped(change, '  * ', '    ')).join('\n');
      return `kdumpling (${version}) unstable; urgency=medium\n\n${items}\n\n -- ${maintainer}  ${date.toUTCString().replace('GMT', '+0000')}\n`;
    })
    .join('\n');
}

/** The %changelog of a spec file, in which a percent sign begins a macro. */
export function rpmChangelog(releases: readonly Release[], maintainer: string): string {
  return releases
    .map(({ version, date, changes }) => {
      const [, weekday, day, month, year] = /^(\w+), (\d+) (\w+) (\d+)/.exec(date.toUTCString())!;
      const items = changes.map(change => wrapped(change.replaceAll('%', '%%'), '- ', '  ')).join('\n');
      return `* ${weekday} ${month} ${day} ${year} ${maintainer} - ${version}-1\n${items}\n`;
    })
    .join('\n');
}

const MOST_COLUMNS = 78;

function wrapped(text: string, first: string, rest: string): string {
  const lines: string[] = [];
  let line = first;
  for (const word of text.split(' ')) {
    const isFull = line.trim() !== '' && line !== first && line.length + 1 + word.length > MOST_COLUMNS;
    if (isFull) lines.push(line);
    line = isFull ? `${rest}${word}` : line === first ? `${first}${word}` : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}

/** https://reproducible-builds.org/specs/source-date-epoch/; else the changelog's own time. */
function dateOfUnreleased(): Date {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  const seconds = epoch ? Number(epoch) : Math.floor(statSync(CHANGELOG).mtimeMs / 1000);
  return new Date(seconds * 1000);
}
