/** `npm run scale`: what a dump costs by the size of the crashed machine, within a limit of memory. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DIST, NODE_BINARY, PROJECT } from '../../build/paths.ts';
import { buildProgram } from '../../build/program.ts';
import { Failure } from '../../capture/errors.ts';
import { EXIT, runCommand, wholeNumber } from '../../scripts/lib/cli/command.ts';
import { type ChartPanel, scaleChart } from './chart.ts';
import { type LimitedRun, type MemoryLimit, openMemoryLimit } from './memory-limit.ts';
import { writeSparseMachine } from './sparse-machine.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
/** As a capture kernel in a small reservation runs it. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--v8-pool-size=1'];

interface Row {
  readonly sizeGib: number;
  readonly usedSections: number;
  readonly run: LimitedRun;
  readonly dumpBytes: number;
}

await runCommand({
  name: 'npm run scale --',
  purpose:
    'Dumps machines of 1 GB to 12 TB at level 31 within a limit of memory: time and peak memory by size.',
  options: {
    sizes: { value: 'LIST', default: '1,4,16,64,256,1024,12288', help: 'GiB of memory, with commas' },
    used: { value: 'LIST', default: '4,32', help: 'sections of 128 MiB in use, with commas' },
    limit: { value: 'MIB', default: '96', help: 'of memory' },
  },
  async run(given, signal) {
    const sizes = given.sizes.split(',').map(size => wholeNumber('sizes', size, 1, 15 * 1024));
    const used = given.used.split(',').map(count => wholeNumber('used', count, 1, 4096));
    const limitMib = wholeNumber('limit', given.limit, 1, 2 ** 20);
    await buildProgram(console.log);
    const limit = openMemoryLimit(limitMib * MIB);
    const results = join(PROJECT, 'bench-results');
    mkdirSync(results, { recursive: true });
    // Where files can have holes and are on a disk: a tmpfs counts as memory.
    const dir = mkdtempSync(join(results, 'scale-'));
    console.log(`${limitMib} MiB by ${limit.kind}\n`);
    console.log('memory GiB | in use GiB | seconds | peak anonymous MB | peak RSS MB | dump MB | ended');
    const rows: Row[] = [];
    try {
      for (const usedSections of used) {
        for (const sizeGib of sizes.filter(size => size * 8 > usedSections)) {
          signal.throwIfAborted();
          const row = await measure(dir, limit, sizeGib, usedSections);
          rows.push(row);
          console.log(lineOf(row));
        }
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
      limit.close();
    }
    writeFileSync(
      join(results, 'scale.json'),
      `${JSON.stringify({ limitMib, kind: limit.kind, rows }, undefined, 2)}\n`,
    );
    writeFileSync(join(results, 'scale.svg'), scaleChart(panelsOf(rows, limitMib)));
    console.log(`\n${join(results, 'scale.json')} and, as a chart, scale.svg`);
    return rows.every(({ run }) => run.status === 0) ? EXIT.done : EXIT.failed;
  },
});

async function measure(dir: string, limit: MemoryLimit, sizeGib: number, usedSections: number): Promise<Row> {
  const [vmcore, dump] = [join(dir, 'vmcore'), join(dir, 'dump')];
  writeSparseMachine({ path: vmcore, sizeBytes: sizeGib * GIB, usedSections });
  const program = [NODE_BINARY, ...NODE_FLAGS, join(DIST, 'kdumpling.js')];
  const run = await limit.run([...program, 'dump', '-z', '-d', '31', '-f', vmcore, dump]);
  const { size: dumpBytes } = statSync(dump, { throwIfNoEntry: false }) ?? { size: 0 };
  if (run.status === 0 && dumpBytes === 0) {
    throw new Failure('SCALE', { action: `dump ${sizeGib} GiB`, actual: 'there is no dump' });
  }
  rmSync(dump, { force: true });
  return { sizeGib, usedSections, run, dumpBytes };
}

function panelsOf(rows: readonly Row[], limitMib: number): ChartPanel[] {
  const used = [...new Set(rows.map(({ usedSections }) => usedSections))];
  const series = (name: string, value: (run: LimitedRun) => number) =>
    used.map(usedSections => ({
      name: `${name}${usedSections / 8} GB in use`,
      points: rows
        .filter(row => row.usedSections === usedSections)
        .map(({ sizeGib, run }) => ({ sizeGib, value: value(run) })),
    }));
  const limit = { name: `limit ${limitMib} MiB`, value: (limitMib * MIB) / 1e6 };
  return [
    { title: 'seconds', series: series('', ({ wallSeconds }) => wallSeconds) },
    {
      title: 'peak memory, MB (RSS with file pages that others share)',
      series: [
        ...series('RSS, ', ({ peakRssBytes }) => peakRssBytes / 1e6),
        ...series('anon., ', ({ peakAnonBytes }) => peakAnonBytes / 1e6),
      ],
      limit,
    },
  ];
}

function lineOf({ sizeGib, usedSections, run, dumpBytes }: Row): string {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
  const ended = run.status === 0 ? 'whole' : `${run.status}: ${run.stderr.trim().split('\n').at(-1)}`;
  return [
    String(sizeGib).padStart(10),
    (usedSections / 8).toFixed(1).padStart(10),
    run.wallSeconds.toFixed(2).padStart(7),
    megabytes(run.peakAnonBytes).padStart(17),
    megabytes(run.peakRssBytes).padStart(11),
    (dumpBytes / 1e6).toFixed(1).padStart(7),
    ended,
  ].join(' | ');
}
