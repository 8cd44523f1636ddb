/** What is measured against what: each contest is one vmcore, level and codec, and the programs that dump it. */
import { findLibrary } from '../../build/shared-libraries.ts';
import type { Tool } from '../../qemu/packages/tools.ts';

export const BENCH_CODECS = ['l', 'z', 'c', 'p'] as const;
export type BenchCodec = (typeof BENCH_CODECS)[number];

export const CODEC_NAMES: Readonly<Record<BenchCodec, string>> = {
  l: 'lzo',
  z: 'zstd',
  c: 'zlib',
  p: 'snappy',
};

export interface Contestant {
  readonly name: string;
  /** The whole command line, which writes `output`. */
  readonly argv: readonly string[];
  readonly output: string;
}

export interface Contest {
  readonly level: number;
  readonly codec: BenchCodec;
  /** 0: not asked for, a single one. */
  readonly threads: number;
  /** Ours first. */
  readonly contestants: readonly Contestant[];
}

export interface Field {
  /** Node and the bundle: what comes before the verb. */
  readonly ours: readonly string[];
  /** Debian's newest, which is built without snappy. */
  readonly newest: Tool;
  /** Debian 12's, which has neither snappy nor zstd. */
  readonly bookworm: Tool;
  readonly vmcore: string;
  readonly workDir: string;
}

/** As its users write it: the same flags for each. */
export function contest(field: Field, level: number, codec: BenchCodec, threads: number): Contest {
  const flags = ['-d', `${level}`, `-${codec}`, '--message-level', '0'];
  if (threads > 0) flags.push('--num-threads', `${threads}`);
  const contestant = (name: string, command: readonly string[]): Contestant => {
    const output = `${field.workDir}/${name.replaceAll(' ', '-')}.dump`;
    return { name, argv: [...command, ...flags, field.vmcore, output], output };
  };
  const contestants = [contestant('kdumpling', [...field.ours, 'dump'])];
  if (codec !== 'p') contestants.push(contestant(nameOf(field.newest), commandOf(field.newest, threads)));
  if (codec === 'l' || codec === 'c')
    contestants.push(contestant(nameOf(field.bookworm), commandOf(field.bookworm, threads)));
  return { level, codec, threads, contestants };
}

/** A thread of glibc's ends by way of libgcc_s, which no dependency says and so the tool's own tree lacks. */
function commandOf({ argv: [loader, ...rest] }: Tool, threads: number): readonly string[] {
  const libgcc = threads > 0 ? findLibrary('libgcc_s.so.1') : undefined;
  return libgcc ? [loader, '--preload', libgcc, ...rest] : [loader, ...rest];
}

/** `1:1.7.8-1` is 1.7.8. */
function nameOf({ version }: Tool): string {
  return `makedumpfile ${version.replace(/^\d+:/, '').replace(/-[^-]*$/, '')}`;
}
