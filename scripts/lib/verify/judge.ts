/** Judges a dump by its manifest's digests, if there are any, and by its own contents. */
import type { PageCodecs } from '../../../capture/codecs/codec.ts';
import { counted, DumpFormatError, describeError, Failure } from '../../../capture/errors.ts';
import { checkSteps, type Damage, type DumpCheck } from '../../../capture/kdump/check/check.ts';
import { damageSteps } from '../../../capture/kdump/format/digest.ts';
import { isFlattened } from '../../../capture/kdump/format/flattened.ts';
import { DUMP_ELF_INCOMPLETE } from '../../../capture/kdump/format/head-marks.ts';
import { isKdumpFile } from '../../../capture/kdump/read/file.ts';
import { type FlattenedSource, openFlattenedSource } from '../../../capture/kdump/read/flattened-source.ts';
import type { ManifestDump } from '../../../capture/storage/manifest.ts';
import { PT_LOAD, PT_NOTE, readUpTo } from '../../../capture/vmcore/elf.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';
import type { ProgressUnit } from '../cli/progress.ts';
import { runSteps } from '../dump/steps.ts';
import type { Verdict } from './report.ts';

export interface Judging {
  readonly codecs: PageCodecs;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number, unit?: ProgressUnit) => void;
}

/** @throws SystemError when the file cannot be read; */
export async function judgeDump(
  source: ByteSource,
  expected: ManifestDump | undefined,
  judging: Judging,
): Promise<Verdict> {
  const common = { path: source.name, bytes: source.sizeBytes, pagesUnprotected: 0, pages: 0 };
  const found = expected ? await digestDamage(source, expected, judging) : [];
  if (expected && found.length === 0 && expected.digest.algorithm !== 'none') {
    const damage = lack(expected);
    return { ...common, ...stateOf(damage), by: 'manifest', damage };
  }
  // The digests show which region is damaged; the pages show where.
  const check = await checkFile(source, judging);
  const damage = [...found, ...check.damage];
  const by = expected && expected.digest.algorithm !== 'none' ? 'manifest' : 'file';
  const { pages, pagesUnprotected } = check;
  return { ...common, ...stateOf(damage), by, pages, pagesUnprotected, damage };
}

/** The worst of the findings. */
function stateOf(damage: readonly Damage[]): Pick<Verdict, 'whole' | 'state'> {
  const has = (wanted: Damage['kind']) => damage.some(({ kind }) => kind === wanted);
  if (has('damage')) return { whole: false, state: 'damaged' };
  if (has('incomplete')) return { whole: false, state: 'incomplete' };
  return has('contradiction') ? { whole: false, state: 'contradictory' } : { whole: true, state: 'whole' };
}

/** The bytes are as they were written, but not all pages were. */
function lack({ pages }: ManifestDump): Damage[] {
  const missing = pages?.missing ?? 0;
  if (missing === 0) return [];
  const text = `its bytes are as they were written, but it lacks ${counted(missing, 'page')}`;
  return [{ kind: 'incomplete', region: 'file', text }];
}

async function digestDamage(
  source: ByteSource,
  { bytes, digest }: ManifestDump,
  { onProgress, signal }: Judging,
): Promise<Damage[]> {
  const damage: Damage[] = [];
  if (bytes !== source.sizeBytes) {
    const text = `it has ${source.sizeBytes} bytes; ${bytes} were written`;
    damage.push({ kind: 'damage', region: 'file', text });
  }
  const end = digest.regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (digest.algorithm !== 'none' && end !== bytes) {
    const text = `the manifest has digests of ${end} bytes; expected digests of all ${bytes}`;
    damage.push({ kind: 'damage', region: 'file', text });
  }
  const onBytes = (done: number, total: number) => onProgress(done, total, 'bytes');
  for (const region of await runSteps(damageSteps(source, digest, onBytes), signal))
    damage.push({
      kind: 'damage',
      region,
      text: `its digest (${digest.algorithm}) differs from the manifest's`,
    });
  return damage;
}

type FileCheck = Pick<DumpCheck, 'damage' | 'pages' | 'pagesUnprotected'>;

async function checkFile(source: ByteSource, judging: Judging): Promise<FileCheck> {
  const { codecs, signal, onProgress } = judging;
  const start = readUpTo(source, 0, 16);
  if (isFlattened(start)) return checkFlattened(source, judging);
  const isElf = !isKdumpFile(start) && Buffer.from(start).toString('latin1', 1, 4) === 'ELF';
  if (isElf) return { damage: elfDamage(source), pages: 0, pagesUnprotected: 0 };
  return runSteps(checkSteps(source, codecs, onProgress), signal);
}

/** The dump that the stream stands for, and whether the stream ends. */
async function checkFlattened(stream: ByteSource, judging: Judging): Promise<FileCheck> {
  const nothing = { pages: 0, pagesUnprotected: 0 };
  let source: FlattenedSource;
  try {
    source = openFlattenedSource(stream);
  } catch (error) {
    if (!(error instanceof DumpFormatError)) throw error;
    return { ...nothing, damage: [{ kind: 'damage', region: 'file', text: describeError(error) }] };
  }
  const check = source.sizeBytes === 0 ? { ...nothing, damage: [] } : await checkFile(source, judging);
  if (source.isWhole) return check;
  const cut: Damage = {
    kind: 'incomplete',
    region: 'file',
    text: 'the flattened stream does not end with its end mark',
  };
  return { ...check, damage: [cut, ...check.damage] };
}

/** An ELF core has no checksums, so only its headers can be checked. */
function elfDamage(source: ByteSource): Damage[] {
  try {
    const { warnings, elf } = openVmcore(source);
    const damage: Damage[] = warnings.map(text => ({ kind: 'damage', region: 'head', text }));
    let end = 0n;
    for (const { p_type, p_offset, p_filesz } of elf.programHeaders) {
      if ((p_type !== PT_LOAD && p_type !== PT_NOTE) || p_filesz === 0n) continue;
      if (p_offset + p_filesz > end) end = p_offset + p_filesz;
    }
    if (end > BigInt(source.sizeBytes))
      damage.push({
        kind: 'damage',
        region: 'data',
        text: `it has ${source.sizeBytes} bytes, but its segments end at ${end}`,
      });
    if ((elf.header.e_flags & DUMP_ELF_INCOMPLETE) !== 0)
      damage.push({ kind: 'incomplete', region: 'file', text: 'it is marked incomplete' });
    return damage;
  } catch (error) {
    if (!(error instanceof Failure) || error.code === 'READ_FAILED') throw error;
    return [{ kind: 'damage', region: 'head', text: describeError(error) }];
  }
}
