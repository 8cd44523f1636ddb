/** A kernel developer's first run, as qemu/README.md has it. Only with `npm test -- --full`: kernels are built for it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openCache } from '../../build/cache.ts';
import { fetchTool } from '../../build/fetch/tools.ts';
import { PROJECT } from '../../build/paths.ts';
import { openAutopsy } from '../../capture/autopsy/open.ts';
import { openUnwinder } from '../../capture/autopsy/unwind/unwinder.ts';
import { SOUND } from '../../qemu/faults/sound.ts';
import { compareBacktraces, unwindWithDwarf } from '../../qemu/judges/backtraces.ts';
import { configGaps, type Gap, parseConfig, triggerGaps } from '../../qemu/kernel/config-needs.ts';
import { buildTinyKernel, kernelSource } from '../../qemu/kernel/tiny-kernel.ts';
import { crashWith } from '../../qemu/lab/crash.ts';
import { openLab } from '../../qemu/lab/lab.ts';
import { DEFAULT_MACHINE, type MachineChoice, triggerOf } from '../../qemu/lab/options.ts';
import { TRIGGERS } from '../../qemu/triggers/triggers.ts';
import { openDumpFile } from '../../scripts/lib/dumps/open-vmcore.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';
import { broken } from './lab.ts';

const BUILD_MS = 60 * 60_000;
const RUN_MS = 40 * 60_000;
/** Beside other machines on a host without KVM. */
const DEADLINE_SECONDS = 1800;
/** It runs little more than its own threads; fewer compared are no judgement. */
const LEAST_TASKS = 35;

function crash(choice: Partial<MachineChoice>) {
  return openLab({ ...DEFAULT_MACHINE, deadlineSeconds: DEADLINE_SECONDS, ...choice }, line =>
    console.log(line),
  ).then(async lab => ({
    lab,
    verdict: await crashWith(lab, SOUND, { signal: new AbortController().signal }),
  }));
}

const DISKS = [
  { bus: 'virtio-scsi', fs: 'xfs', layout: 'lvm' },
  { bus: 'nvme', fs: 'btrfs', layout: 'gpt' },
  { bus: 'ahci', fs: 'vfat', layout: 'whole' },
] as const;

function everyGap(text: string): Gap[] {
  const config = parseConfig(text);
  const roles = ['first', 'capture'] as const;
  return [
    ...DISKS.flatMap(disk => configGaps(config, { roles, disk }, undefined)),
    ...TRIGGERS.flatMap(trigger => triggerGaps(config, trigger)),
  ];
}

describe.skipIf(!process.env[FULL_LAB_VARIABLE])('a kernel of one’s own', () => {
  let modular: string;
  let builtIn: string;
  beforeAll(async () => {
    const cache = openCache(console.log);
    modular = await buildTinyKernel(cache, 'modules');
    builtIn = await buildTinyKernel(cache, 'built-in');
  }, BUILD_MS);

  test(
    'the README’s line, typed by a new user whose kernel is in ~/linux',
    () => {
      const readme = readFileSync(join(PROJECT, 'qemu/README.md'), 'utf8');
      const [line] = readme.split('## Your own kernel')[1].match(/^npm run crash -- --kernel ~\/linux /m)!;
      const home = mkdtempSync(join(tmpdir(), 'kdumpling-home-'));
      try {
        symlinkSync(modular, join(home, 'linux'));
        const env = { ...process.env, HOME: home };
        const { status, stdout, stderr } = spawnSync('sh', ['-c', line], {
          cwd: PROJECT,
          env,
          encoding: 'utf8',
        });
        expect(`${stdout}${stderr}`).toMatch(/1 passed, 0 failed, 0 lost/);
        expect(status).toBe(0);
      } finally {
        rmSync(home, { recursive: true });
      }
    },
    RUN_MS,
  );

  test(
    'straight from its build directory it crashes in the lab’s module, and the report names class, culprit and frames',
    async () => {
      expect(existsSync(join(modular, 'vmlinux'))).toBe(true);
      const { lab, verdict } = await crash({ kernel: { path: modular }, trigger: triggerOf('null') });
      expect(lab.kernel.release).toMatch(/-tiny$/);
      expect(broken(verdict)).toEqual([]);
      const report = verdict.checks.find(({ what }) => what.startsWith('kdumpling report names'));
      expect(report?.saw).toMatch(/null-pointer.*lab_null.*kdumpling_lab/);
      // It keeps frame pointers and has no ORC, unlike the kernels of distributions.
      const drgn = await fetchTool(openCache(), 'drgn');
      const dump = join(verdict.run.dumps[0]!, 'vmcore');
      const theirs = await unwindWithDwarf(drgn, dump, join(modular, 'vmlinux'));
      const unwinder = openUnwinder(openAutopsy(openDumpFile(dump, 'judge it').vmcore));
      const { tasks, problems } = compareBacktraces(theirs, task => unwinder.backtrace(task).frames);
      expect(problems).toEqual([]);
      expect(tasks).toBeGreaterThanOrEqual(LEAST_TASKS);
    },
    RUN_MS,
  );

  test(
    'what is said to be missing from a tiny configuration is all that Kconfig needs, for every disk and trigger',
    async () => {
      const { run } = await kernelSource(openCache(console.log));
      const build = mkdtempSync(join(tmpdir(), 'kdumpling-config-'));
      try {
        await run(`make -s O=${build} tinyconfig`);
        const gaps = () => everyGap(readFileSync(join(build, '.config'), 'utf8'));
        expect(gaps().length).toBeGreaterThan(50);
        const changes = new Set(gaps().flatMap(({ fix }) => fix));
        const script = join(build, 'source/scripts/config');
        await run(`cd ${build} && ${script} ${[...changes].join(' ')} && make -s olddefconfig`);
        expect(gaps()).toEqual([]);
      } finally {
        rmSync(build, { recursive: true });
      }
    },
    RUN_MS,
  );

  test(
    'without loadable modules it crashes and captures; it cannot take the lab’s module, and that is said before the boot',
    async () => {
      const kernel = { path: join(builtIn, 'arch/x86/boot/bzImage') };
      const { lab, verdict } = await crash({ kernel });
      expect(lab.kernel.release).toMatch(/-built-in$/);
      expect(broken(verdict)).toEqual([]);
      await expect(crash({ kernel, trigger: triggerOf('null') })).rejects.toThrow(
        'CONFIG_MODULES=y is missing',
      );
    },
    RUN_MS,
  );

  test(
    'another kernel captures it',
    async () => {
      const captureKernel = { series: '6.12', flavour: 'cloud' } as const;
      const { lab, verdict } = await crash({ kernel: { path: builtIn }, captureKernel });
      expect(lab.captureKernel.release).toMatch(/^6\.12/);
      expect(broken(verdict)).toEqual([]);
    },
    RUN_MS,
  );
});
