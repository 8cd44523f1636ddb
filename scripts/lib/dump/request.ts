/** The request to `kdumpling dump`: its flags, read and checked. */
import type { CodecName } from '../../../capture/codecs/table.ts';

export interface DumpRequest {
  readonly kind: 'kdump' | 'elf' | 'dmesg' | 'split' | 'reassemble' | 'rearrange' | 'version' | 'nothing';
  /** Empty when no vmcore is read. */
  readonly vmcore: string;
  /** The files of a split dump to reassemble. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Only the pages for triage; `tables`: also what stands in for debug symbols. */
  readonly triage: 'no' | 'debugger' | 'tables';
  readonly dumpLevel: number;
  /** Levels to try in turn if the dump does not fit. */
  readonly furtherLevels: readonly number[];
  /** For each output file. */
  readonly sizeLimitBytes: number | undefined;
  readonly codec: CodecName | 'none';
  readonly flattened: boolean;
  readonly force: boolean;
  readonly maps: boolean;
  readonly dryRun: boolean;
  /** Undefined: chosen by the size of the vmcore. */
  readonly threads: number | undefined;
  readonly splitblockBytes: number;
  readonly messages: number;
}

/** Bits of --message-level. */
export const MESSAGE = { progress: 1, common: 2, error: 4, debug: 8, report: 16 } as const;

/** For messages. */
export function nameOfTarget({ dryRun, flattened, outputs }: DumpRequest): string {
  return dryRun ? 'nothing written' : flattened ? 'standard output' : outputs[0];
}
