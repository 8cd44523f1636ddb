/** A whole capture in memory and a few folders: a small crashed kernel, targets with trouble, and what is found on them. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { type Libc, openLibc } from '../../../capture/ffi/libc.ts';
import { type Ffi, openFfi } from '../../../capture/ffi/library.ts';
import { capture } from '../../../capture/flow/capture.ts';
import type { CaptureContext, CaptureHooks, Clock, Compressors } from '../../../capture/flow/context.ts';
import type { Outcome } from '../../../capture/flow/record.ts';
import { openMemoryBudget } from '../../../capture/init/memory-budget.ts';
import { openLog } from '../../../capture/log.ts';
import { type CaptureOptions, checkOptions } from '../../../capture/options/schema.ts';
import type { TargetSpec } from '../../../capture/options/target-spec.ts';
import type { Autopsist } from '../../../capture/scene/child.ts';
import type { Manifest } from '../../../capture/storage/manifest.ts';
import { fakeAutopsist } from '../../support/fake-autopsist.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeHeartbeat } from '../../support/fake-heartbeat.ts';
import { fakeTarget, type Trouble } from '../../support/fake-place.ts';
import { fakeSystem } from '../../support/fake-system.ts';
import { openKdump } from '../../support/kdump-reader.ts';
import { KernelBuilder } from '../../support/kernel-builder.ts';
import { Random } from '../../support/random.ts';

export const PANIC = 'Kernel panic - not syncing: test';
export const STAMP = '20261126T110000Z';
export const DEADLINE_SECONDS = 100;
const DATA_PADDR = 0x10000000;
/** Of the header's status: the dump is incomplete (makedumpfile, IMPLEMENTATION). */
const INCOMPLETE = 8;

let directory: string;
let nextRun = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-flow-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Noise does not compress. Digits do, and are dense: codecs take another level for such pages. */
export type Content = 'noise' | 'digits';

/** A vmcore of the small kernel, with so many MiB of data. */
export function vmcoreFile(mib = 0, content: Content = 'noise'): string {
  const path = join(directory, `vmcore-${content}-${mib}`);
  if (existsSync(path)) return path;
  const builder = new KernelBuilder({
    records: [{ text: 'Linux version 6.1.0-test' }, { text: PANIC, timestampNs: 12_000_000_000n }],
  });
  const noise = new Random(1).bytes(1 << 16);
  // Pages are compressed one by one, so that a page may come again.
  const bytes = content === 'noise' ? noise : noise.map(byte => 0x30 + (byte % 10));
  for (let at = 0; at < mib * 2 ** 20; at += bytes.length) builder.memory.write(DATA_PADDR + at, bytes);
  writeFileSync(path, builder.build());
  return path;
}

/** Folders that are the targets /dev/disk0, /dev/disk1 … */
export function withTargets(troubles: readonly Trouble[]) {
  const root = join(directory, `run-${nextRun++}`);
  const roots = troubles.map((_, i) => join(root, `target-${i}`));
  for (const path of roots) mkdirSync(path, { recursive: true });
  const openTarget = ({ device }: TargetSpec) => {
    const index = Number(/\d+$/.exec(device)![0]);
    return fakeTarget(roots[index]!, device, troubles[index]);
  };
  return { roots, openTarget };
}

export interface Scenario {
  readonly options?: Partial<CaptureOptions>;
  readonly hooks?: CaptureHooks;
  /** A target for each, the one that was asked for first. */
  readonly troubles?: readonly Trouble[];
  readonly vmcore?: string;
  /** What fallocate returns. */
  readonly fallocate?: number;
  /** What the kernel says when it is to write part of a dump to the device. */
  readonly syncRange?: number;
  /** Called with each part of a file that is dropped from the page cache; none for a whole file. */
  readonly onDrop?: (range?: { readonly offset: number; readonly lengthBytes: number }) => void;
  /** Where the dump may be written past the page cache. */
  readonly ffi?: Ffi;
  readonly clock?: Clock;
  readonly broken?: Parameters<typeof fakeSystem>[0];
  /** MemAvailable of the capture kernel. */
  readonly availableKib?: number;
  readonly autopsist?: Autopsist;
  readonly compressors?: Compressors;
  /** Names of dumps that are on the first target already. */
  readonly earlier?: readonly string[];
}

/** Everything that a capture left behind. */
export interface Found {
  readonly outcome: Outcome;
  /** The dump directory of each target; empty where there is none. */
  readonly files: readonly (readonly string[])[];
  readonly manifests: readonly (Manifest | undefined)[];
  readonly warnings: readonly string[];
  /** Our lines on the console, without the time and our name. */
  readonly lines: readonly string[];
  readonly shown: string;
  readonly calls: readonly string[];
  readonly phases: readonly string[];
  readonly context: CaptureContext;
}

/** Runs one capture, and checks what must hold whatever happened. */
export function run(scenario: Scenario = {}): Found {
  const troubles = scenario.troubles ?? [{}];
  const { roots, openTarget } = withTargets(troubles);
  for (const name of scenario.earlier ?? [])
    mkdirSync(join(roots[0]!, 'var/crash', name), { recursive: true });
  const clock = scenario.clock ?? new FakeClock();
  let shown = '';
  const log = openLog(line => {
    shown += line;
  }, clock.seconds);
  const system = fakeSystem(scenario.broken);
  const heartbeat = fakeHeartbeat();
  const readText = () => `MemTotal: 150000 kB\nMemAvailable: ${scenario.availableKib ?? 70000} kB\n`;
  const context: CaptureContext = {
    options: checkOptions({
      target: '/dev/disk0',
      fstype: 'ext4',
      modules: [],
      codec: 'zlib',
      dumpLevel: 1,
      keepFree: '0',
      deadlineSeconds: DEADLINE_SECONDS,
      fallbackTargets: troubles.slice(1).map((_, i) => `ext4 /dev/disk${i + 1}`),
      ...scenario.options,
    }),
    readText,
    memory: openMemoryBudget(readText),
    autopsist: scenario.autopsist ?? fakeAutopsist(),
    log,
    clock,
    heartbeat,
    system,
    ffi: scenario.ffi,
    libc: {
      mapShared: openLibc(openFfi()).mapShared,
      fallocate: () => scenario.fallocate ?? 0,
      syncRange: () => scenario.syncRange ?? 0,
      dropCache: (_fd: number, offset?: number, lengthBytes?: number) =>
        scenario.onDrop?.(offset === undefined ? undefined : { offset, lengthBytes: lengthBytes! }),
    } as unknown as Libc,
    hooks: scenario.hooks ?? {},
    vmcorePath: scenario.vmcore ?? vmcoreFile(),
    compressors: scenario.compressors ?? { cpus: 1, program: '' },
    commandLine: 'console=ttyS0 one.size=2',
    openTarget,
  };
  const outcome = capture(context);
  const found: Found = {
    outcome,
    files: roots.map(path => filesOf(path)),
    manifests: roots.map(path => manifestOf(path)),
    warnings: log.warnings,
    lines: log.lines.map(({ text }) => text.replace('kdumpling: ', '')),
    shown,
    calls: system.calls,
    phases: heartbeat.phases,
    context,
  };
  roots.forEach((path, i) => void expectNoLie(dumpOf(path), outcome, found.manifests[i]));
  return found;
}

/** Nothing complete is lost, and nothing incomplete is named vmcore. */
function expectNoLie(dump: string | undefined, outcome: Outcome, manifest: Manifest | undefined): void {
  const vmcore = dump && join(dump, 'vmcore');
  const isThere = vmcore !== undefined && existsSync(vmcore);
  if (isThere) {
    const { header } = openKdump(readFileSync(vmcore));
    expect(header.status & INCOMPLETE).toBe(0);
  }
  if (manifest?.state === 'complete') {
    expect(isThere).toBe(true);
    expect(outcome.saved).toBe(true);
    expect(manifest.dump!.bytes).toBe(readFileSync(vmcore!).length);
  }
  const saysIncomplete = manifest && manifest.state !== 'complete';
  if (saysIncomplete) expect(manifest.failure).toMatch(/\w/);
}

function dumpOf(root: string): string | undefined {
  const crashes = join(root, 'var/crash');
  const name = existsSync(crashes) && readdirSync(crashes).find(one => one.startsWith(STAMP));
  return name ? join(crashes, name) : undefined;
}

function filesOf(root: string): string[] {
  const dump = dumpOf(root);
  return dump ? readdirSync(dump).sort() : [];
}

function manifestOf(root: string): Manifest | undefined {
  const path = join(dumpOf(root) ?? '', 'manifest.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Manifest) : undefined;
}
