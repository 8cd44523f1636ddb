/** Measurements of one capture in the Debian guest. */
import { loadavg } from 'node:os';
import type { Manifest, ManifestDump } from '../../capture/storage/manifest.ts';
import { capturePhases, type Segment } from '../run/segments.ts';
import type { Agent } from './agent.ts';
import { BOOT_SECONDS, settled } from './boots.ts';
import { type CrashTimes, captureCpus, crash, crashSegments, type SeenCrash } from './crash.ts';
import type { Guest } from './machine.ts';
import type { Peer } from './peers.ts';

export interface Capture {
  /** uname -r before the crash. */
  readonly kernel: string;
  readonly times: CrashTimes;
  /** From the panic to the login prompt. */
  readonly segments: readonly Segment[];
  readonly dumpBytes: number;
  /** Of the dump: those that it has, and all classes where its manifest says them. */
  readonly pages?: Pick<ManifestDump['pages'], 'dumped'> & Partial<ManifestDump['pages']>;
  /** CPUs of the crash kernel. */
  readonly captureCpus?: number;
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
  const newest = `$(ls -d ${dumps} | tail -n 1)`;
  const size = await agent.run(`stat -c %s ${newest}`);
  const dumpBytes = size.exitCode === 0 ? Number(size.output) : 0;
  const { pages, phases = {} } =
    dumpBytes === 0
      ? {}
      : await (manifest ? readManifest(agent, newest, manifest) : countPages(agent, newest));
  const segments = crashSegments(arch, lines, stages).flatMap(segment =>
    segment.name === DIVIDED ? capturePhases(phases, segment.seconds) : [segment],
  );
  return { ...before, times, captureCpus: captureCpus(arch, lines), segments, dumpBytes, pages, hostLoad };
}

/** What is known of a dump besides its size. */
interface Contents extends Pick<Capture, 'pages'> {
  /** Seconds that each phase of the capture took. */
  readonly phases?: Manifest['seconds'];
}

/** @param dump as a word of the shell. */
async function readManifest(agent: Agent, dump: string, name: string): Promise<Contents> {
  const text = await agent.must(`cat "$(dirname ${dump})/${name}"`);
  const { seconds, dump: saved } = JSON.parse(text) as Partial<Manifest>;
  return { pages: saved?.pages, phases: seconds };
}

/** By our host command, which copies the dumps of others too and says how many pages are not zero. */
async function countPages(agent: Agent, dump: string): Promise<Contents> {
  const { output } = await agent.run(`kdumpling dump -F -d 1 ${dump} 2>&1 > /dev/null`, BOOT_SECONDS);
  const dumped = /: (\d+) of \d+ pages/.exec(output)?.[1];
  return dumped === undefined ? {} : { pages: { dumped: Number(dumped) } };
}
