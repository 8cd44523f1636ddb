/** `npm run bench`: compares our dumps with makedumpfile's of the same vmcore, as ratios. */
import { copyFileSync, createReadStream, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { type Cache, openCache } from '../../build/cache.ts';
import { fetchTool } from '../../build/fetch/tools.ts';
import { ensureHostPackages } from '../../build/host/host-packages.ts';
import { DIST, NODE_BINARY, PROJECT } from '../../build/paths.ts';
import { buildProgram, HOST_NODE_FLAGS, hostCommandFiles, programVersion } from '../../build/program.ts';
import { prepareVmcore } from '../../qemu/vmcores/prepare.ts';
import { USED_MACHINE_MIB } from '../../qemu/vmcores/used-machine.ts';
import { readVmcoreChoice } from '../../qemu/vmcores/vmcores.ts';
import { EXIT, oneOf, runCommand, wholeNumber } from '../../scripts/lib/cli/command.ts';
import { BENCH_CODECS, builtPeer, contest, packagedPeers } from './contest.ts';
import { measure, runTimed } from './measure.ts';
import { openPhases } from './phases.ts';
import { contestLines, contestReport, machineFacts, phasesLine, TABLE_HEAD } from './report.ts';

/** Runs a copy of the host command, so that a build in the meantime does not change what is measured. */
const HOST_FILES = hostCommandFiles({ isNative: true });

await runCommand({
  name: 'npm run bench --',
  purpose:
    "Measures our dumps beside makedumpfile's of the same page-cached vmcore: whole processes, medians.",
  options: {
    vmcore: {
      value: 'FILE',
      help: 'an ELF vmcore; without it, that of a 6.1 machine in use, which is made once',
    },
    rounds: { value: 'N', default: '5', help: 'how often each program runs, in turn' },
    levels: { value: 'LIST', default: '31,1', help: 'dump levels, with commas' },
    codecs: {
      value: 'LIST',
      default: BENCH_CODECS.join(','),
      help: `of ${BENCH_CODECS.join(', ')}, with commas`,
    },
    threads: {
      value: 'LIST',
      default: `1,unasked,${availableParallelism()}`,
      help: 'of --num-threads; unasked: as users who do not ask, which is one for makedumpfile',
    },
    makedumpfile: {
      value: 'PATH',
      help: 'one more to measure with, for all codecs (Debian builds none with snappy)',
    },
  },
  async run(given, signal) {
    const rounds = wholeNumber('rounds', given.rounds, 1, 1000);
    const levels = given.levels.split(',').map(level => wholeNumber('levels', level, 0, 31));
    const codecs = given.codecs.split(',').map(codec => oneOf('codecs', codec, BENCH_CODECS));
    const threads = given.threads
      .split(',')
      .map(count => (count === 'unasked' ? count : wholeNumber('threads', count, 1, 1024)));
    const cache = openCache();
    ensureHostPackages(join(cache.dir, 'host-packages.log'), console.log);
    await buildProgram(console.log);
    const vmcore = given.vmcore ? resolve(given.vmcore) : await usedVmcore(cache, signal);
    const [newest, bookworm] = [
      await fetchTool(cache, 'makedumpfile'),
      await fetchTool(cache, 'makedumpfile-bookworm'),
    ];
    const results = join(PROJECT, 'bench-results');
    const workDir = join(results, 'work');
    rmSync(workDir, { recursive: true, force: true });
    mkdirSync(workDir, { recursive: true });
    for (const name of HOST_FILES) copyFileSync(join(DIST, name), join(workDir, name));
    const ours = [NODE_BINARY, ...HOST_NODE_FLAGS, join(workDir, 'kdumpling.js')];
    const peers = packagedPeers(newest, bookworm);
    if (given.makedumpfile) peers.push(builtPeer(resolve(given.makedumpfile)));
    const field = { ours, peers, vmcore, workDir };
    const machine = machineFacts();
    const vmcoreBytes = statSync(vmcore).size;
    console.log(`${vmcore}: ${(vmcoreBytes / 1e6).toFixed(0)} MB; ${machine.cpus} CPUs (${machine.cpu})`);
    console.log(`load ${machine.loadBefore.toFixed(1)} before\n`);
    await readThrough(vmcore);
    try {
      console.log(TABLE_HEAD);
      const contests = [];
      for (const level of levels) {
        for (const codec of codecs) {
          for (const count of threads) {
            const one = contest(field, level, codec, count);
            const report = contestReport(one, measure(one, rounds, signal));
            contests.push(report);
            for (const line of contestLines(report)) console.log(line);
          }
        }
      }
      console.log('\nOurs by phase, on one thread, with a clock in it:');
      const phasesOf = await openPhases(vmcore, workDir, rounds, programVersion());
      const phases = levels.flatMap(level => codecs.map(codec => phasesOf(level, codec)));
      for (const one of phases) console.log(phasesLine(one));
      const startUp = runTimed([...ours, 'dump', '--version']);
      console.log(`a start that does nothing: ${startUp.userSeconds + startUp.systemSeconds} s of CPU`);
      const latest = join(results, 'latest.json');
      const versions = {
        kdumpling: programVersion(),
        node: process.version,
        makedumpfile: [newest.version, bookworm.version],
      };
      const all = {
        at: new Date(),
        machine,
        versions,
        vmcore,
        vmcoreBytes,
        rounds,
        contests,
        phases,
        startUp,
      };
      writeFileSync(latest, `${JSON.stringify(all, null, 2)}\n`);
      console.log(`\n${latest}`);
      return EXIT.done;
    } finally {
      rmSync(workDir, { recursive: true, force: true });
    }
  },
});

async function usedVmcore(cache: Cache, signal: AbortSignal): Promise<string> {
  const choice = readVmcoreChoice('6.1-cloud');
  const { vmcore } = await prepareVmcore(cache, choice, {
    kind: 'used',
    memoryMib: USED_MACHINE_MIB,
    accel: 'auto',
    deadlineSeconds: 3600,
    refresh: false,
    onLine: () => {},
    signal,
  });
  return vmcore;
}

/** Reads the file into the page cache, so that the disk is not measured. */
async function readThrough(path: string): Promise<void> {
  for await (const _ of createReadStream(path, { highWaterMark: 4 << 20 }));
}
