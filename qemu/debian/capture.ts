/** Measurements of one capture in the Debian guest. */
import { loadavg } from 'node:os';
import type { Manifest, ManifestDump } from '../../capture/storage/manifest.ts';
import { capturePhases, type Segment } from '../run/segments.ts';
import { BOOT_SECONDS, settled } from './boots.ts';
import { type CrashTimes, crash, crashSegments, type SeenCrash } from './crash.ts';
import type { Guest } from './machine.ts';
import type { Peer } from './peers.ts';

export interface Capture {
  /** uname -r before the crash. */
  readonly kernel: string;
  readonly times: CrashTimes;
  /** From the panic to the login prompt. */
  readonly segments: readonly Segment[];
  readonly dumpBytes: number;
  /** Of the dump, by class, where its manifest says it. */
  readonly pages?: ManifestDump['pages'];
  /** Size of the capture initrd, and of the reservation. */
  readonly initrdBytes: number;
  readonly crashkernelMib: number;
  /** Of the lab's own machine, of the minute up to the login prompt: how busy it was besides. */
  readonly hostLoad: number;
}

/** What is measured before the crash. */
export type Before = Pick<Capture, 'kernel' | 'initrdBytes' | 'crashkernelMib'>;

/** The smallest file that can be a dump of the guest: kdump-tools also calls an empty one saved. */
const LEAST_DUMP_BYTES = 1e6;

export const isCaptured = ({ dumpBytes }: Capture): boolean => dumpBytes > LEAST_DUMP_BYTES;

/** The stage of a peer's crash kernel that its manifest divides. */
const DIVIDED = 'capture';

/** Removes earlier dumps, crashes the machine, waits until it is back and measures. */
export async function crashAnew(guest: Guest, peer: Peer, timeoutSeconds = BOOT_SECONDS): Promise<Capture> {
  await removeDumps(guest, peer);
  const before = await measureBefore(guest, peer);
  const seen = await crash(guest, timeoutSeconds);
  await settled(guest);
  return measureAfter(guest, peer, before, seen);
}

export async function removeDumps({ agent }: Guest, { dumps }: Peer): Promise<void> {
  await agent.must(`for dump in ${dumps}; do [ ! -e "$dump" ] || rm -r "$(dirname "$dump")"; done`);
}

export async function runningKernel({ agent }: Guest): Promise<string> {
  return (await agent.must('uname -r')).trim();
}

export async function measureBefore(guest: Guest, { initrd }: Peer): Promise<Before> {
  const { agent } = guest;
  const kernel = await runningKernel(guest);
  const reserved = await agent.must('cat /sys/kernel/kexec_crash_size');
  const bytes = await agent.run(`stat -Lc %s ${initrd(kernel)}`);
  return {
    kernel,
    crashkernelMib: Math.round(Number(reserved) / (1 << 20)),
    initrdBytes: Number(bytes.output) || 0,
  };
}

/** Of the newest dump. Without a dump it has 0 bytes. */
export async function measureAfter(
  { agent, arch }: Guest,
  { dumps, stages, manifest }: Peer,
  before: Before,
  { times, lines }: SeenCrash,
): Promise<Capture> {
  const hostLoad = loadavg()[0]!;
  const size = await agent.run(`stat -c %s $(ls -d ${dumps} | tail -n 1)`);
  const dumpBytes = size.exitCode === 0 ? Number(size.output) : 0;
  const text =
    manifest === undefined || dumpBytes === 0
      ? ''
      : await agent.must(`cat "$(dirname $(ls -d ${dumps} | tail -n 1))/${manifest}"`);
  const { seconds: phases = {}, dump } = (text === '' ? {} : JSON.parse(text)) as Partial<Manifest>;
  const segments = crashSegments(arch, lines, stages).flatMap(segment =>
    segment.name === DIVIDED ? capturePhases(phases, segment.seconds) : [segment],
  );
  return { ...before, times, segments, dumpBytes, ...(dump && { pages: dump.pages }), hostLoad };
}
