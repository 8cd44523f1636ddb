/**
 * A dump whose header was filled by another writer: QEMU's dump-guest-memory leaves the names of the utsname empty, but for
 * the machine, and its phys_base can be wrong (QEMU dump/dump.c, create_header64). Here the header of a dump is changed to
 * that; `npm run crash -- --fault guest-ram` does the same with a dump that QEMU wrote.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { dump } from '../../../../scripts/verbs/dump.ts';
import { verify } from '../../../../scripts/verbs/verify.ts';
import { openKdump } from '../../../support/kdump-reader.ts';
import { KernelBuilder, PHYS_BASE } from '../../../support/kernel-builder.ts';
import { recordOutput } from '../../../support/recorded-output.ts';

const PAGE = 4096;
const UTSNAME = { offset: 12, fieldBytes: 65, fields: 6, machine: 4 };
const WRONG_PHYS_BASE = 0x1234000n;

let folder: string;
let foreign: string;
let again: string;
const output = recordOutput();
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-foreign-'));
  [foreign, again] = ['foreign', 'again'].map(name => join(folder, name)) as [string, string];
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function run(command: typeof dump | typeof verify, ...argv: string[]): Promise<string> {
  output.said = [];
  process.exitCode = undefined;
  await runCommand(command as typeof dump, argv);
  return `${process.exitCode}: ${output.said.join('\n')}`;
}

/** A dump of a kernel with the header of another writer. */
async function writeForeign(vmcoreinfo: Readonly<Record<string, string | number | undefined>> = {}) {
  const vmcore = join(folder, 'vmcore');
  writeFileSync(vmcore, new KernelBuilder({ vmcoreinfo }).build());
  expect(await run(dump, '-c', vmcore, foreign)).toMatch(/^0: /);
  const bytes = readFileSync(foreign);
  for (let i = 0; i < UTSNAME.fields; i++) {
    const at = UTSNAME.offset + i * UTSNAME.fieldBytes;
    if (i !== UTSNAME.machine) bytes.fill(0, at, at + UTSNAME.fieldBytes);
  }
  bytes.writeBigUInt64LE(WRONG_PHYS_BASE, PAGE);
  writeFileSync(foreign, bytes);
}

test('dumped again, its header has the facts that the crashed kernel’s memory has', async () => {
  await writeForeign();
  expect(await run(dump, '-z', '-d1', foreign, again)).toMatch(/^0: /);
  expect(openKdump(readFileSync(again)).header).toMatchObject({
    sysname: 'Linux',
    nodename: 'crashed',
    release: '6.1.0-test',
    machine: 'x86_64',
    physBase: BigInt(PHYS_BASE),
  });
  expect(await run(verify, again)).toMatch(/^0: .*whole/);
});

test('where memory does not have them, the release is that of vmcoreinfo', async () => {
  await writeForeign({ 'SYMBOL(init_uts_ns)': undefined });
  expect(await run(dump, foreign, again)).toMatch(/^0: /);
  const { header } = openKdump(readFileSync(again));
  expect(header).toMatchObject({ sysname: 'Linux', release: '6.1.0-test', machine: 'x86_64' });
});

test('verify finds a contradiction, and no damage', async () => {
  await writeForeign();
  const verdict = await run(verify, foreign);
  expect(verdict).toMatch(/^1: .*phys_base is 0x1234000, but \d+ in vmcoreinfo\n.*CONTRADICTORY/);
  expect(verdict).not.toContain('DAMAGED');
});

test('a flipped bit in a page is damage, contradiction or not', async () => {
  await writeForeign();
  const bytes = readFileSync(foreign);
  bytes[bytes.length - 1] ^= 1;
  writeFileSync(foreign, bytes);
  expect(await run(verify, foreign)).toMatch(/^1: [\s\S]*DAMAGED$/);
});
