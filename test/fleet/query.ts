/** Runs scripts/deploy/fleet.sql with DuckDB over reports, wherever DuckDB reads them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { PROJECT } from '../../build/paths.ts';

export type Row = Readonly<Record<string, string | number | null>>;

export interface Fleet {
  /** Of each SELECT of the file, in its order. */
  readonly answers: readonly (readonly Row[])[];
  query(sql: string): Promise<Row[]>;
  close(): void;
}

/** @param reports a glob. */
export async function openFleet(reports: string): Promise<Fleet> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const query = async (sql: string) =>
    (await connection.runAndReadAll(sql)).getRowObjectsJson().map(row =>
      // 64-bit counts come as text.
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name,
          /^\d+$/.test(String(value)) ? Number(value) : value,
        ]),
      ),
    ) as Row[];
  await connection.run(`SET VARIABLE reports = '${reports.replaceAll("'", "''")}'`);
  const answers: Row[][] = [];
  for (const statement of statements()) {
    if (/^SELECT/.test(statement)) answers.push(await query(statement));
    else await connection.run(statement);
  }
  return { answers, query, close: () => connection.closeSync() };
}

function statements(): string[] {
  const text = readFileSync(join(PROJECT, 'scripts/deploy/fleet.sql'), 'utf8').replace(/^--.*\n/gm, '');
  return text
    .split(/;\s*$/m)
    .map(statement => statement.trim())
    .filter(statement => statement !== '');
}
