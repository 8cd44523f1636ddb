/** The contests: each has one vmcore, level and codec, and the programs that dump it. */
import { spawnSync } from 'node:child_process';
import type { Tool } from '../../build/fetch/tools.ts';
import { hostParts } from '../../build/parts/host-parts.ts';
import { CODECS } from '../../capture/codecs/table.ts';
import { Failure } from '../../capture/errors.ts';

/** By makedumpfile's option letters. */
export type BenchCodec = (typeof CODECS)[number]['option'];
export const BENCH_CODECS: readonly BenchCodec[] = CODECS.map(({ option }) => option);

export interface Contestant {
  readonly name: string;
  /** The whole command line, which writes `output`. */
  readonly argv: readonly string[];
  readonly output: string;
}

/** The number of threads passed to both programs, or `unasked` for their defaults: one in makedumpfile, chosen in ours. */
export type Threads = number | 'unasked';

export interface Contest {
  readonly level: number;
  readonly codec: BenchCodec;
  readonly threads: Threads;
  /** Ours first. */
  readonly contestants: readonly Contestant[];
}

/** A makedumpfile. */
export interface Peer {
  readonly name: string;
  /** The command before its flags. */
  readonly argv: readonly string[];
  readonly codecs: readonly BenchCodec[];
}

export interface Field {
  /** Node and the bundle: the command before the verb. */
  readonly ours: readonly string[];
  readonly peers: readonly Peer[];
  readonly vmcore: string;
  readonly workDir: string;
}

/** The same flags for each program, as users type them. One thread is makedumpfile's default. */
export function contest(field: Field, level: number, codec: BenchCodec, threads: Threads): Contest {
  const flags = ['-d', `${level}`, `-${codec}`, '--message-level', '0'];
  const asked = threads === 'unasked' ? [] : ['--num-threads', `${threads}`];
  const askedOfPeers = threads === 1 ? [] : asked;
  const contestant = (name: string, command: readonly string[]): Contestant => {
    const output = `${field.workDir}/${name.replaceAll(' ', '-')}.dump`;
    return { name, argv: [...command, ...flags, field.vmcore, output], output };
  };
  const peers = field.peers
    .filter(({ codecs }) => codecs.includes(codec))
    .map(({ name, argv }) => contestant(name, [...argv, ...askedOfPeers]));
  const ours = contestant('kdumpling', [...field.ours, 'dump', ...asked]);
  return { level, codec, threads, contestants: [ours, ...peers] };
}

/** Debian's newest is built without snappy, that of Debian 12 also without zstd. */
export function packagedPeers(newest: Tool, bookworm: Tool): Peer[] {
  return [
    { name: nameOf(newest), argv: threadable(newest), codecs: ['l', 'z', 'c'] },
    { name: nameOf(bookworm), argv: threadable(bookworm), codecs: ['l', 'c'] },
  ];
}

/** A makedumpfile built with all codecs. @throws Failure when it prints no version. */
export function builtPeer(path: string): Peer {
  const { stdout, stderr } = spawnSync(path, ['-v'], { encoding: 'utf8' });
  const version = /makedumpfile: version ([\d.]+)/.exec(`${stdout}${stderr}`)?.[1];
  if (version) return { name: `makedumpfile ${version} (built)`, argv: [path], codecs: BENCH_CODECS };
  throw new Failure('NO_MAKEDUMPFILE', {
    action: `measure ${path}`,
    actual: 'it does not say the version of a makedumpfile',
    wanted: 'a makedumpfile, built with the codecs',
  });
}

/** glibc loads libgcc_s when a thread ends, which is no dependency of the tool and so not in its tree. */
function threadable({ argv: [loader, ...rest] }: Tool): readonly string[] {
  const libgcc = hostParts().library('libgcc_s.so.1');
  return libgcc ? [loader, '--preload', libgcc, ...rest] : [loader, ...rest];
}

/** `1:1.7.8-1` is 1.7.8. */
function nameOf({ version }: Tool): string {
  return `makedumpfile ${version.replace(/^\d+:/, '').replace(/-[^-]*$/, '')}`;
}
