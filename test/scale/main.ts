/** `npm run scale`: what a dump costs by the size of the crashed machine, within a limit of memory. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Cache, openCache } from '../../build/cache.ts';
import { fetchTool } from '../../build/fetch/tools.ts';
import { DIST, NODE_BINARY, PROJECT } from '../../build/paths.ts';
import { buildProgram, programVersion } from '../../build/program.ts';
import { Failure } from '../../capture/errors.ts';
import { preparedVmcores } from '../../qemu/vmcores/vmcores.ts';
import { EXIT, runCommand, wholeNumber } from '../../scripts/lib/cli/command.ts';
import { machineFacts } from '../bench/report.ts';
import { type ChartPanel, scaleChart } from './chart.ts';
import { type LimitedRun, type MemoryLimit, openMemoryLimit } from './memory-limit.ts';
import { writeSparseMachine } from './sparse-machine.ts';
import { openUsedMeasurement, USED_TABLE_HEAD, type UsedRow, usedLine, usedPanels } from './used-memory.ts';

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
    'Measures machines of 1 GB to 24 TB within a limit of memory: whole dumps of nearly empty ones, and how long the pages of used ones take to choose, beside makedumpfile.',
  options: {
    sizes: {
      value: 'LIST',
      default: '1,4,16,64,256,1024,12288',
      help: 'GiB of nearly empty machines, with commas; 0 for none',
    },
    used: { value: 'LIST', default: '4,32', help: 'sections of 128 MiB in use in those, with commas' },
    'used-sizes': {
      value: 'LIST',
      default: '1024,4096,12288,24576',
      help: 'GiB of machines with a memmap as fragmented as that of --vmcore; 0 for none',
    },
    vmcore: { value: 'FILE', help: 'of a real x86-64 machine; by default the best that is in the cache' },
    rounds: { value: 'N', default: '3', help: 'how often each program runs on a used machine, in turn' },
    limit: { value: 'MIB', default: '96', help: 'of memory' },
  },
  async run(given, signal) {
    const sizes = sizesOf('sizes', given.sizes, 15 * 1024);
    const usedSizes = sizesOf('used-sizes', given['used-sizes'], 32 * 1024);
    const used = given.used.split(',').map(count => wholeNumber('used', count, 1, 4096));
    const rounds = wholeNumber('rounds', given.rounds, 1, 100);
    const limitMib = wholeNumber('limit', given.limit, 1, 2 ** 20);
    if (sizes.length > 0) await buildProgram(console.log);
    const limit = openMemoryLimit(limitMib * MIB);
    const results = join(PROJECT, 'bench-results');
    mkdirSync(results, { recursive: true });
    // Where files can have holes and are on a disk: a tmpfs counts as memory.
    const dir = mkdtempSync(join(results, 'scale-'));
    const machine = machineFacts();
    console.log(`${limitMib} MiB by ${limit.kind}; ${machine.cpus} CPUs (${machine.cpu})`);
    console.log(`load ${machine.loadBefore.toFixed(1)} before\n`);
    const rows: Row[] = [];
    const usedRows: UsedRow[] = [];
    let vmcore: string | undefined;
    try {
      if (sizes.length > 0)
        console.log('memory GiB | in use GiB | seconds | peak anonymous MB | peak RSS MB | dump MB | ended');
      for (const usedSections of used) {
        for (const sizeGib of sizes.filter(size => size * 8 > usedSections)) {
          signal.throwIfAborted();
          const row = await measure(dir, limit, sizeGib, usedSections);
          rows.push(row);
          console.log(lineOf(row));
        }
      }
      if (usedSizes.length > 0) {
        const cache = openCache();
        vmcore = given.vmcore ? resolve(given.vmcore) : cachedVmcore(cache);
        const peer = await fetchTool(cache, 'makedumpfile');
        console.log(`\nUsed machines, from ${vmcore}; makedumpfile ${peer.version}\n${USED_TABLE_HEAD}`);
        const nodeFlags = NODE_FLAGS;
        const version = programVersion();
        const ofSize = await openUsedMeasurement({ vmcore, peer, limit, nodeFlags, workDir: dir, version });
        for (const sizeGib of usedSizes) {
          const row = await ofSize(sizeGib, rounds, signal);
          usedRows.push(row);
          console.log(usedLine(row));
        }
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
      limit.close();
    }
    const all = { at: new Date(), machine, limitMib, kind: limit.kind, rows, vmcore, rounds, usedRows };
    writeFileSync(join(results, 'scale.json'), `${JSON.stringify(all, undefined, 2)}\n`);
    const panels = [
      ...(rows.length > 0 ? panelsOf(rows, limitMib) : []),
      ...(usedRows.length > 0 ? usedPanels(usedRows, limitMib * MIB) : []),
    ];
    writeFileSync(join(results, 'scale.svg'), scaleChart(panels));
    console.log(`\n${join(results, 'scale.json')} and, as a chart, scale.svg`);
    return rows.every(({ run }) => run.status === 0) ? EXIT.done : EXIT.failed;
  },
});

/** `0` is an empty list. */
function sizesOf(option: string, list: string, mostGib: number): number[] {
  return list === '0' ? [] : list.split(',').map(size => wholeNumber(option, size, 1, mostGib));
}

/** A used machine's, if one was made for the bench, or else the newest of those that are filled with each kind of page. */
function cachedVmcore(cache: Cache): string {
  const found = [...preparedVmcores(cache, 'filled'), ...preparedVmcores(cache, 'used')].findLast(
    ({ record: { architecture = 'amd64', series } }) => architecture === 'amd64' && series !== '7.x',
  );
  if (found) return found.vmcore;
  throw new Failure('SCALE_VMCORE', {
    action: 'build used machines',
    actual: 'the cache has no vmcore of a real machine',
    wanted: 'npm run vmcores -- --machine used',
  });
}

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
