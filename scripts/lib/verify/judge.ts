/** Judges a dump: by its manifest's digests where there are any, and by itself. */
import type { PageCodecs } from '../../../capture/codecs/codec.ts';
import { describeError, Failure } from '../../../capture/errors.ts';
import { checkSteps, type Damage, type DumpCheck } from '../../../capture/kdump/check/check.ts';
import { damageSteps } from '../../../capture/kdump/format/digest.ts';
import { isFlattened } from '../../../capture/kdump/format/flattened.ts';
import { isKdumpFile } from '../../../capture/kdump/read/file.ts';
import type { ManifestDump } from '../../../capture/storage/manifest.ts';
import { PT_LOAD, PT_NOTE, readUpTo } from '../../../capture/vmcore/elf.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';
import { UsageError } from '../cli/command.ts';
import { runSteps } from '../dump/steps.ts';
import type { Verdict } from './report.ts';

export interface Judging {
  readonly codecs: PageCodecs;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** @throws SystemError when the file cannot be read; UsageError when it is none that can be judged. */
export async function judgeDump(
  source: ByteSource,
  expected: ManifestDump | undefined,
  judging: Judging,
): Promise<Verdict> {
  const common = { path: source.name, bytes: source.sizeBytes, pagesUnprotected: 0, pages: 0 };
  const found = expected ? await digestDamage(source, expected, judging) : [];
  if (expected && found.length === 0 && expected.digest.algorithm !== 'none') {
    const damage = lack(expected);
    return { ...common, whole: damage.length === 0, by: 'manifest', damage };
  }
  // The digest says that it is damaged; the pages say where.
  const check = await checkFile(source, judging);
  const damage = [...found, ...check.damage];
  const by = expected && expected.digest.algorithm !== 'none' ? 'manifest' : 'file';
  const { pages, pagesUnprotected } = check;
  return { ...common, whole: damage.length === 0, by, pages, pagesUnprotected, damage };
}

/** Every byte is as it was written, and not everything was. */
function lack({ pages }: ManifestDump): Damage[] {
  const missing = pages?.missing ?? 0;
  if (missing === 0) return [];
  return [{ region: 'file', text: `it is as it was written, and incomplete: ${missing} pages are missing` }];
}

async function digestDamage(
  source: ByteSource,
  { bytes, digest }: ManifestDump,
  { onProgress, signal }: Judging,
): Promise<Damage[]> {
  const damage: Damage[] = [];
  if (bytes !== source.sizeBytes) {
    const text = `it has ${source.sizeBytes} bytes, and had ${bytes} when it was written`;
    damage.push({ region: 'file', text });
  }
  for (const region of await runSteps(damageSteps(source, digest, onProgress), signal))
    damage.push({ region, text: `its digest (${digest.algorithm}) is not the manifest's` });
  return damage;
}

async function checkFile(
  source: ByteSource,
  { codecs, signal, onProgress }: Judging,
): Promise<Pick<DumpCheck, 'damage' | 'pages' | 'pagesUnprotected'>> {
  const start = readUpTo(source, 0, 16);
  if (isFlattened(start)) {
    throw new UsageError('FLATTENED', {
      action: `verify ${source.name}`,
      actual: 'it is flattened',
      toDo: `rearrange it first: kdumpling dump -R OUT < ${source.name}`,
    });
  }
  const isElf = !isKdumpFile(start) && Buffer.from(start).toString('latin1', 1, 4) === 'ELF';
  if (isElf) return { damage: elfDamage(source), pages: 0, pagesUnprotected: 0 };
  return runSteps(checkSteps(source, codecs, onProgress), signal);
}

/** An ELF core carries no checksum: only what its headers promise can be looked at. */
function elfDamage(source: ByteSource): Damage[] {
  try {
    const { warnings, elf } = openVmcore(source);
    const damage: Damage[] = warnings.map(text => ({ region: 'head', text }));
    let end = 0n;
    for (const { p_type, p_offset, p_filesz } of elf.programHeaders) {
      if ((p_type !== PT_LOAD && p_type !== PT_NOTE) || p_filesz === 0n) continue;
      if (p_offset + p_filesz > end) end = p_offset + p_filesz;
    }
    if (end > BigInt(source.sizeBytes))
      damage.push({
        region: 'data',
        text: `it has ${source.sizeBytes} bytes, and its segments end at ${end}`,
      });
    return damage;
  } catch (error) {
    if (!(error instanceof Failure) || error.code === 'READ_FAILED') throw error;
    return [{ region: 'head', text: describeError(error) }];
  }
}
