/** `kdumpling dump` as its users type it: which request the flags make, and what is left behind. */
import {
  createReadStream,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { readRequest } from '../../../../scripts/lib/dump/arguments.ts';
import { openMessages } from '../../../../scripts/lib/dump/messages.ts';
import { rearrangeDump } from '../../../../scripts/lib/dump/rearrange.ts';
import { REFUSED } from '../../../../scripts/lib/dump/refused.ts';
import type { DumpRequest } from '../../../../scripts/lib/dump/request.ts';
import { dump } from '../../../../scripts/verbs/dump.ts';
import { openKdump } from '../../../support/kdump-reader.ts';
import { recordOutput } from '../../../support/recorded-output.ts';
import { buildVmcore } from '../../../support/vmcore-builder.ts';

const output = recordOutput();

/** The request, or the exit code and what was said. */
async function requestOf(line: string): Promise<DumpRequest | string> {
  let request: DumpRequest | undefined;
  const probe = {
    ...dump,
    run: async (given: Parameters<typeof dump.run>[0]) => {
      request = readRequest(given);
      return 0;
    },
  };
  await runCommand(probe, line.split(' '));
  return request ?? `${process.exitCode}: ${output.said.join('')}`;
}

const PLAIN = {
  kind: 'kdump',
  vmcore: 'VMCORE',
  inputs: [],
  outputs: ['OUT'],
  triage: 'no',
  dumpLevel: 0,
  furtherLevels: [],
  sizeLimitBytes: undefined,
  codec: 'none',
  flattened: false,
  force: false,
  maps: true,
  dryRun: false,
  threads: undefined,
  splitblockBytes: 2 ** 30,
  messages: 7,
};

describe('flags as makedumpfile takes them', () => {
  test.each<[string, Partial<DumpRequest>]>([
    ['VMCORE OUT', {}],
    ['- OUT', { vmcore: '/dev/stdin' }],
    ['-l --message-level 7 -d 31 VMCORE OUT', { codec: 'lzo', dumpLevel: 31 }],
    ['-ld31 VMCORE OUT', { codec: 'lzo', dumpLevel: 31 }],
    ['-d31 -z VMCORE OUT', { codec: 'zstd', dumpLevel: 31 }],
    ['-zd 31 VMCORE OUT', { codec: 'zstd', dumpLevel: 31 }],
    ['-p -d 0 VMCORE OUT', { codec: 'snappy' }],
    ['-c -c VMCORE OUT', { codec: 'zlib' }],
    ['VMCORE OUT -c', { codec: 'zlib' }],
    ['-d 11,31,0 VMCORE OUT', { dumpLevel: 11, furtherLevels: [31, 0] }],
    ['-L 4096 VMCORE OUT', { sizeLimitBytes: 4096 }],
    ['-L 10k VMCORE OUT', { sizeLimitBytes: 10240 }],
    ['--size-limit 2G --split VMCORE A B', { kind: 'split', outputs: ['A', 'B'], sizeLimitBytes: 2 ** 31 }],
    ['-d 1 -d 16 VMCORE OUT', { dumpLevel: 16 }],
    ['--triage VMCORE OUT', { triage: 'debugger', dumpLevel: 31, codec: 'zstd' }],
    ['--triage-tables -l -d 1 VMCORE OUT', { triage: 'tables', dumpLevel: 1, codec: 'lzo' }],
    ['-f VMCORE OUT', { force: true }],
    ['--num-threads 4 VMCORE OUT', { threads: 4 }],
    ['--num-threads=4 VMCORE OUT', { threads: 4 }],
    ['--message-level 0 VMCORE OUT', { messages: 0 }],
    ['--show-stats VMCORE OUT', { messages: 23 }],
    ['-D VMCORE OUT', { messages: 15 }],
    ['--non-mmap VMCORE OUT', { maps: false }],
    ['--dry-run VMCORE OUT', { dryRun: true }],
    ['-b 4 --cyclic-buffer 1024 --work-dir /tmp VMCORE OUT', {}],
    ['--dump-dmesg VMCORE OUT', { kind: 'dmesg' }],
    ['--check-params -d 31 VMCORE OUT', { kind: 'nothing', dumpLevel: 31 }],
    ['-- VMCORE OUT', {}],
    ['-F -d 31 VMCORE', { outputs: [], flattened: true, dumpLevel: 31 }],
    ['-E -d 31 VMCORE OUT', { kind: 'elf', dumpLevel: 31 }],
    ['-EF VMCORE', { kind: 'elf', outputs: [], flattened: true }],
    ['--split -d 31 VMCORE A B C', { kind: 'split', outputs: ['A', 'B', 'C'], dumpLevel: 31 }],
    [
      '--split --splitblock-size 1024 VMCORE A B',
      { kind: 'split', outputs: ['A', 'B'], splitblockBytes: 2 ** 20 },
    ],
    ['--reassemble A B OUT', { kind: 'reassemble', vmcore: '', inputs: ['A', 'B'] }],
    ['-R OUT', { kind: 'rearrange', vmcore: '' }],
    ['-Rf OUT', { kind: 'rearrange', vmcore: '', force: true }],
  ])('%s', async (line, expected) => {
    expect(await requestOf(line)).toEqual({ ...PLAIN, ...expected });
  });
});

describe('invalid arguments: exit code 2, and the flag is named', () => {
  test.each([
    ['', 'a file name is empty'],
    ['-z', '0 file arguments'],
    ['VMCORE', '1 file argument'],
    ['VMCORE OUT MORE', '3 file arguments'],
    ['-d 32 VMCORE OUT', '"32"'],
    ['-d -1 VMCORE OUT', '-d'],
    ['-d 1.5 VMCORE OUT', '"1.5"'],
    ['-d 0x1f VMCORE OUT', '"0x1f"'],
    ['-d 31, VMCORE OUT', '"31,"'],
    ['-d 31,99 VMCORE OUT', '"31,99"'],
    ['-dl VMCORE OUT', '"l"'],
    ['-L 0 VMCORE OUT', '"0"'],
    ['-L 1.5k VMCORE OUT', '"1.5k"'],
    ['-L k VMCORE OUT', '"k"'],
    ['-L 9999999999t VMCORE OUT', '"9999999999t"'],
    ['--triage -E VMCORE OUT', '--triage and -E'],
    ['--triage-tables -L 1m VMCORE OUT', '--triage-tables and -L'],
    ['-F -L 1k VMCORE', '-L and -F'],
    ['-R -L 1k OUT', '-R and -L'],
    ['-l -z VMCORE OUT', '-l and -z'],
    ['-cl VMCORE OUT', '-c and -l'],
    ['-q VMCORE OUT', '-q'],
    ['--no-such VMCORE OUT', '--no-such'],
    ['--num-threads x VMCORE OUT', '"x"'],
    ['--num-threads -3 VMCORE OUT', '--num-threads'],
    ['--num-threads 99999 VMCORE OUT', '"99999"'],
    ['--message-level 32 VMCORE OUT', '"32"'],
    ['-b x VMCORE OUT', '"x"'],
    ['--dump-dmesg --dry-run VMCORE OUT', '--dump-dmesg and --dry-run'],
    ['--dump-dmesg -F VMCORE', '--dump-dmesg and -F'],
    ['-F VMCORE OUT', 'expected VMCORE'],
    ['-R VMCORE OUT', 'expected OUT'],
    ['-E -z VMCORE OUT', '-E and -z'],
    ['-cE VMCORE OUT', '-E and -c'],
    ['-E --num-threads 2 VMCORE OUT', '-E and --num-threads'],
    ['-RE OUT', '-R and -E'],
    ['--split VMCORE OUT', '2 file arguments'],
    ['--split --splitblock-size 0 VMCORE A B', '"0"'],
    ['--split --splitblock-size 100 VMCORE A B', '"100"'],
    ['--split -E VMCORE A B', '--split and -E'],
    ['--split -F VMCORE A B', '--split and -F'],
    ['--split --num-threads 2 VMCORE A B', '--split and --num-threads'],
    ['--reassemble A OUT', '2 file arguments'],
    ['--reassemble -d1 A B OUT', '--reassemble and -d'],
    ['--reassemble --split A B OUT', '--reassemble and --split'],
    ['-R -d 31 OUT', '-R and -d'],
    ['-R -z OUT', '-R and -z'],
    ['-RF OUT', '-R and -F'],
    ['--force=yes VMCORE OUT', '--force'],
  ])('%s', async (line, named) => {
    const outcome = await requestOf(line);
    expect(outcome).toMatch(/^2: /);
    expect(outcome).toContain(named);
  });

  test.each(Object.entries(REFUSED))('refused: %s', async (name, facts) => {
    const value = 'value' in facts ? ' 1' : '';
    const outcome = await requestOf(`--${name}${value} VMCORE OUT`);
    expect(outcome).toBe(`2: Cannot use ${facts.flag}: ${facts.why}`);
    if ('short' in facts) expect(await requestOf(`-${facts.short}${value} VMCORE OUT`)).toContain(facts.flag);
  });
});

describe('files', () => {
  let folder: string;
  let vmcore: string;
  const page = (pfn: number) => Buffer.alloc(4096, pfn === 3 ? 0 : `page ${pfn}. `);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kdumpling-dump-'));
    vmcore = join(folder, 'vmcore');
    const loads = [{ paddr: 0, bytes: Buffer.concat(Array.from({ length: 8 }, (_, pfn) => page(pfn))) }];
    writeFileSync(vmcore, buildVmcore({ loads }));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const run = async (...argv: string[]) => {
    await runCommand(dump, argv);
    return process.exitCode;
  };

  test('a dump has mode 0600 and every page', async () => {
    const out = join(folder, 'out');
    expect(await run('-z', '-d1', vmcore, out)).toBe(0);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const file = openKdump(readFileSync(out));
    expect(file.header.status).toBe(0x20);
    for (let pfn = 0; pfn < 8; pfn++) expect(file.readPage(pfn)).toEqual(page(pfn));
    expect(output.said.join('')).toContain('7 of 8 pages, zstd');
  });

  test('an existing file is only overwritten with -f, the input never', async () => {
    const out = join(folder, 'out');
    writeFileSync(out, 'mine');
    expect(await run(vmcore, out)).toBe(1);
    expect(output.said.join('')).toContain('Use -f to overwrite it');
    expect(readFileSync(out, 'latin1')).toBe('mine');
    expect(await run('-f', vmcore, vmcore)).toBe(1);
    expect(readFileSync(vmcore).subarray(1, 4).toString()).toBe('ELF');
    expect(await run('-f', vmcore, out)).toBe(0);
    expect(readFileSync(out).toString('latin1', 0, 5)).toBe('KDUMP');
  });

  test('--message-level 0 prints nothing, --dry-run writes nothing', async () => {
    const out = join(folder, 'out');
    expect(await run('--dry-run', vmcore, out)).toBe(0);
    expect(existsSync(out)).toBe(false);
    output.said.length = 0;
    expect(await run('--message-level', '0', vmcore, out)).toBe(0);
    expect(output.said).toEqual([]);
  });

  test('an input that is not a vmcore is named, and no output is left', async () => {
    const out = join(folder, 'out');
    expect(await run(join(folder, 'none'), out)).toBe(1);
    writeFileSync(
      vmcore,
      'no vmcore at all, but a text of some length, longer than the header of an ELF file',
    );
    expect(await run(vmcore, out)).toBe(1);
    expect(output.said.join('')).toContain('as a vmcore');
    expect(existsSync(out)).toBe(false);
  });

  test('a dump can be filtered again: its omitted pages stay omitted, in the header too', async () => {
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    expect(await run('-l', '-d1', vmcore, first)).toBe(0);
    expect(await run('-z', '-d0', first, second)).toBe(0);
    const file = openKdump(readFileSync(second));
    expect(file.header).toMatchObject({ status: 0x20, dumpLevel: 1, release: '6.1.0' });
    for (let pfn = 0; pfn < 8; pfn++) expect(file.readPage(pfn)).toEqual(page(pfn));
    expect(output.said.join('')).toContain('dump level is 1, because');
    expect(await run('-E', first, join(folder, 'elf'))).toBe(2);
    expect(output.said.join('')).toContain('it is kdump-compressed');
  });

  test('eraseinfo of the input is copied: from an ELF core and from a dump', async () => {
    const erased = Buffer.from('erase init_uts_ns.name.domainname size 65\n');
    const notes = [{ name: 'ERASEINFO', type: 0, desc: erased }];
    const loads = [{ paddr: 0, bytes: Buffer.concat([page(1), page(2)]) }];
    writeFileSync(vmcore, buildVmcore({ loads, notes }));
    const [first, second, elf] = ['first', 'second', 'elf'].map(name => join(folder, name));
    expect(await run(vmcore, first)).toBe(0);
    expect(await run('-d1', first, second)).toBe(0);
    for (const path of [first, second]) {
      const bytes = readFileSync(path);
      const [offset, size] = [64, 72].map(at => Number(bytes.readBigUInt64LE(4096 + at)));
      expect([offset, size]).toEqual([bytes.length - erased.length, erased.length]);
      expect(bytes.subarray(offset)).toEqual(erased);
      expect(openKdump(bytes).readPage(1)).toEqual(page(2));
    }
    expect(await run('-E', vmcore, elf)).toBe(0);
    expect(readFileSync(elf).includes(erased)).toBe(true);
  });

  describe('a dump that does not fit', () => {
    // Uncompressed: 2 blocks of headers, 2 bitmaps, descriptors, then 8 pages at level 0 and 7 and a shared one at level 1.
    const whole = 4 * 4096 + 8 * 24 + 8 * 4096;

    test('it ends at the size limit, marked incomplete, with the pages that fit', async () => {
      const out = join(folder, 'out');
      expect(await run('-L', `${whole}`, vmcore, out)).toBe(0);
      expect(statSync(out).size).toBe(whole);
      expect(await run('-f', '-L', `${whole - 1}`, vmcore, out)).toBe(1);
      expect(output.said.join('')).toContain(
        `the size limit of ${whole - 1} bytes leaves no room for 1 page`,
      );
      expect(statSync(out).size).toBeLessThan(whole);
      expect(readFileSync(out).readUInt32LE(424) & 8).toBe(8);
    });

    test('the next dump level of the list is tried, and the last failure is reported', async () => {
      const out = join(folder, 'out');
      writeFileSync(vmcore, buildVmcore({ loads: [{ paddr: 0, bytes: new Uint8Array(8 * 4096) }] }));
      const fits = 4 * 4096 + 8 * 24 + 4096;
      expect(await run('-d', '0,1', '-L', `${fits}`, vmcore, out)).toBe(0);
      expect(output.said.join('')).toContain('again at dump level 1: ');
      expect(openKdump(readFileSync(out)).header).toMatchObject({ dumpLevel: 1, status: 0 });
      expect(await run('-f', '-d', '0,1', '-L', `${fits - 1}`, vmcore, out)).toBe(1);
      expect(await run('-d', '0,1', '-L', `${fits}`, vmcore, out)).toBe(1);
      expect(output.said.join('')).toContain('Use -f to overwrite it');
    });
  });

  test('-R refuses an input that is not flattened', async () => {
    const out = join(folder, 'out');
    const input = createReadStream(vmcore);
    const request = { ...PLAIN, kind: 'rearrange', outputs: [out] } as DumpRequest;
    const attempt = rearrangeDump(request, openMessages(0, true), new AbortController().signal, input);
    await expect(attempt).rejects.toThrow('the input has another signature');
    expect(existsSync(out)).toBe(false);
  });

  test('Ctrl-C removes the output', async () => {
    const out = join(folder, 'out');
    const interrupted = {
      ...dump,
      run: (given: Parameters<typeof dump.run>[0]) => dump.run(given, AbortSignal.abort()),
    };
    await runCommand(interrupted, [vmcore, out]);
    expect(process.exitCode).not.toBe(0);
    expect(existsSync(out)).toBe(false);
  });
});
