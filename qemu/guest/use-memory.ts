/**
 * Runs in the first kernel: a process that fills its memory with data from the files in /disk/lab/files, and holds it
 * until the kernel panics or it is killed.
 *
 * usage: use-memory.js index|database|values MIB DONE_FILE
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { deflateSync } from 'node:zlib';

const FILES = '/disk/lab/files';
const MIB = 1 << 20;
const MOST_BYTES = 4 * MIB;
/** Under slow software emulation it stops here with less memory filled, so that the run ends in time. */
const MOST_MS = 120_000;
const TEXT = /\.(?:[cm]?[jt]s|json|md|txt|py|h|hpp|pl|pm|sh|html|xml|rst|po|conf)$/;

/** Puts a file into memory. */
type Taker = (path: string, bytes: Buffer) => void;

const KINDS: Readonly<Record<string, () => { take: Taker; wants: RegExp }>> = {
  /** A search index: objects, strings, hash tables. */
  index: () => {
    const places = new Map<string, { count: number; lines: { path: string; line: number }[] }>();
    const take: Taker = (path, bytes) => {
      for (const [line, text] of linesOf(bytes)) {
        for (const word of text.match(/\w{3,24}/g) ?? []) {
          const entry = places.get(word) ?? { count: 0, lines: [] };
          if (entry.count++ === 0) places.set(word, entry);
          if (entry.count <= 64) entry.lines.push({ path, line });
        }
      }
    };
    return { take, wants: TEXT };
  },
  /** Tables and an index, as a database keeps them. */
  database: () => {
    const database = new DatabaseSync(':memory:');
    database.exec('CREATE TABLE line (path TEXT, number INTEGER, text TEXT, length INTEGER)');
    database.exec('CREATE INDEX byText ON line (text)');
    const insert = database.prepare('INSERT INTO line VALUES (?, ?, ?, ?)');
    const take: Taker = (path, bytes) => {
      database.exec('BEGIN');
      for (const [number, text] of linesOf(bytes)) insert.run(path, number, text, text.length);
      database.exec('COMMIT');
    };
    return { take, wants: TEXT };
  },
  /** A key-value cache: whole files, some of them compressed. */
  values: () => {
    const values = new Map<string, Buffer>();
    const take: Taker = (path, bytes) => {
      values.set(path, values.size % 8 === 0 ? deflateSync(bytes, { level: 1 }) : bytes);
    };
    return { take, wants: /./ };
  },
};

const [, , kind, mib, doneFile] = process.argv;
const { take, wants } = KINDS[kind]();
for (const path of filesBelow(FILES)) {
  if (performance.now() > MOST_MS || process.memoryUsage.rss() > Number(mib) * MIB) break;
  if (!wants.test(path) || statSync(path).size > MOST_BYTES) continue;
  take(path, readFileSync(path));
}
writeFileSync(doneFile, '');
setInterval(() => take.length, 1 << 30);

function linesOf(bytes: Buffer) {
  return bytes.toString('latin1').split('\n').entries();
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}
