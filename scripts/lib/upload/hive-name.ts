/**
 * The name of a report in an object store, as Hive partitions tables: `date=…/signature=…/HOST-STAMP.json`. Athena,
 * BigQuery, Trino, Spark and DuckDB read a folder of such names as one table, with the partitions as columns. Pure.
 */
import { createHash } from 'node:crypto';
import type { CrashReport } from '../report/crash-report.ts';

/** As Hive names the partition of a missing value. */
const NO_VALUE = '__HIVE_DEFAULT_PARTITION__';
/** File systems take 255 bytes; an escaped character has three. */
const MOST_CHARS = 80;
const HASH_CHARS = 8;

type Named = Pick<CrashReport, 'id' | 'host' | 'signature' | 'when' | 'crash'>;

/** Segments of the path. No report is in the place of another machine's, and each upload of one has the same name. */
export function hiveName(report: Named): string[] {
  const { id, host, signature, when } = report;
  const [date] = /^\d{4}-\d\d-\d\d/.exec(when.crashed) ?? [];
  const machine = host === undefined ? `unknown-${fingerprint(report)}` : fileWords(host);
  return [
    `date=${date ?? NO_VALUE}`,
    `signature=${escapeValue(signature) || NO_VALUE}`,
    `${machine}-${fileWords(id)}.json`,
  ];
}

/** One object a line, as the readers of JSON tables want it. */
export function tableRow(report: CrashReport): string {
  return `${JSON.stringify(report)}\n`;
}

/** Hive escapes these in the value of a partition (FileUtils.escapePathName), and Spark `{` `}` and blanks too. */
function escapeValue(text: string): string {
  return text.replace(/[^\w.,+@~ -]/gu, percent);
}

/** Names that begin with `.` or `_` are hidden from Hive, Spark and Trino; other characters than these need quotes somewhere. */
function fileWords(text: string): string {
  const escaped = text.replace(/[^A-Za-z0-9._-]/gu, percent).replace(/^[._]/, percent);
  if (escaped.length <= MOST_CHARS) return escaped;
  return `${escaped.slice(0, MOST_CHARS).replace(/%.?$/, '')}-${hash(text)}`;
}

function percent(character: string): string {
  return [...Buffer.from(character)]
    .map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}

/** Keeps machines without a name apart: what no two crashes have in common. */
function fingerprint({ when, crash }: Named): string {
  return hash(JSON.stringify([when, crash.uptimeSeconds, crash.oops, crash.registers]));
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARS);
}
