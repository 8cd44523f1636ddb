/** What each verb prints with `--json`. kdumpling-json(5) and the package's JSON Schema files are made of this. */
import { PS, STRUCT, SYM } from './autopsy.ts';
import { FILES, LOCKS, LOG, MEM, MOD, MOUNTS } from './autopsy-tables.ts';
import { BT } from './backtrace.ts';
import { INFO, LIST } from './dumps.ts';
import { ESTIMATE, SHOW } from './machine.ts';
import { REPORT_DOCUMENT } from './report.ts';
import { AUTOPSY_FILE } from './scene.ts';
import type { Schema } from './schema.ts';
import { VERDICT } from './verdict.ts';

export const DOCUMENTS: Readonly<Record<string, Schema>> = {
  list: LIST,
  info: INFO,
  verify: VERDICT,
  report: REPORT_DOCUMENT,
  show: SHOW,
  estimate: ESTIMATE,
  bt: BT,
  ps: PS,
  sym: SYM,
  struct: STRUCT,
  log: LOG,
  mod: MOD,
  mem: MEM,
  mounts: MOUNTS,
  files: FILES,
  locks: LOCKS,
};

/** Files that a capture writes, by name. `info` prints manifest.json. */
export const FILE_DOCUMENTS: Readonly<Record<string, Schema>> = { 'autopsy.json': AUTOPSY_FILE };

export const SCHEMA_DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** The documents as files: name -> JSON Schema. They take members that a later version adds. */
export function schemaFiles(): Map<string, string> {
  const named = Object.entries(FILE_DOCUMENTS).map(
    ([file, schema]) => [file.replace('.json', ''), schema] as const,
  );
  return new Map(
    [...Object.entries(DOCUMENTS), ...named].map(([name, schema]) => [
      `${name}.schema.json`,
      `${JSON.stringify({ $schema: SCHEMA_DIALECT, ...schema }, withoutClosing, 2)}\n`,
    ]),
  );
}

function withoutClosing(key: string, value: unknown): unknown {
  return key === 'additionalProperties' && value === false ? undefined : value;
}
