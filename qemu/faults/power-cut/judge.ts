/** What a machine finds on its disk after a power cut: repairs the file system as at boot, then inspects every dump. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand } from '../../../build/host/host-packages.ts';
import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import type { Manifest } from '../../../capture/storage/manifest.ts';
import { type DumpFacts, judgeDump, readDumpFacts } from '../../../capture/storage/policy/dump-state.ts';
import { ManifestDamage } from '../../../capture/storage/read-manifest.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import { checkManifest } from '../../../scripts/lib/dumps/manifest-schema.ts';
import { judgeDump as verifyDump } from '../../../scripts/lib/verify/judge.ts';
import { extract } from '../../disks/image.ts';
import { runBounded } from '../../judges/bounded-run.ts';

export interface CutVerdict {
  /** What is left of the dump that was being written. */
  readonly outcome: string;
  /** What must never happen: a lost dump, or one that is not what it claims to be. */
  readonly faults: readonly string[];
}

/** The dump that was there before: its directory's name, and the digests of its files. */
export interface OlderDump {
  readonly name: string;
  readonly digests: Readonly<Record<string, string>>;
}

/** Exit codes of e2fsck -fy on success: no errors, errors corrected. */
const REPAIRED = [0, 1];

export async function judgeCut(image: string, older: OlderDump, scratch: string): Promise<CutVerdict> {
  rmSync(scratch, { recursive: true, force: true });
  const { exitCode, stdout } = await runBounded([findCommand('e2fsck')!, '-fy', image], {
    timeoutSeconds: 120,
  });
  if (exitCode === null || !REPAIRED.includes(exitCode)) {
    return {
      outcome: 'no file system',
      faults: [`e2fsck ended with ${exitCode}: ${stdout.trim().split('\n').at(-1)}`],
    };
  }
  await extract(image, '/var/crash', scratch);
  const folder = join(scratch, 'crash');
  const faults: string[] = [];
  if (digestsOf(join(folder, older.name)) !== JSON.stringify(older.digests))
    faults.push('the older dump was changed');
  const names = existsSync(folder) ? readdirSync(folder).filter(name => name !== older.name) : [];
  const outcomes: string[] = [];
  for (const name of names) {
    const facts = readDumpFacts(folder, name, checkManifest);
    const verdict = judgeDump(facts);
    outcomes.push(describe(facts, verdict.state));
    faults.push(...(await falseClaimsOf(join(folder, name), facts, verdict.state)));
  }
  return { outcome: outcomes.join(' + ') || 'nothing of it', faults };
}

export function digestsOf(directory: string): string {
  if (!existsSync(directory)) return 'none';
  const names = readdirSync(directory).sort();
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(directory, name)))
      .digest('hex');
  return JSON.stringify(Object.fromEntries(names.map(name => [name, digest(name)])));
}

/** False claims about a dump. */
async function falseClaimsOf(
  directory: string,
  { files, manifest }: DumpFacts<Manifest>,
  state: string,
): Promise<string[]> {
  const claims: string[] = [];
  if (manifest instanceof ManifestDamage) claims.push(`there is a damaged manifest: ${manifest.why}`);
  if (state === 'damaged') claims.push('the committed dump is damaged');
  if (
    manifest !== undefined &&
    !(manifest instanceof ManifestDamage) &&
    manifest.state === 'complete' &&
    !files.has('vmcore')
  )
    claims.push('the manifest says complete, but there is no vmcore');
  if (files.get('vmcore') !== undefined) {
    const expected = manifest instanceof ManifestDamage ? undefined : manifest?.dump;
    const source = openVmcoreFile(join(directory, 'vmcore'), undefined);
    try {
      const { whole } = await verifyDump(source, expected, {
        codecs: openPageCodecs(openFfi()),
        signal: new AbortController().signal,
        onProgress: () => {},
      });
      if (!whole) claims.push('the vmcore is not whole');
    } finally {
      source.close();
    }
  }
  return claims;
}

function describe({ files, manifest }: DumpFacts<Manifest>, state: string): string {
  if (files.has('vmcore'))
    return manifest ? 'a whole vmcore with its manifest' : 'a whole vmcore, no manifest yet';
  if (files.has('vmcore-incomplete')) return 'vmcore-incomplete';
  if (files.has('vmcore-dmesg.txt')) return 'the kernel’s log';
  return files.size === 0 ? 'an empty directory' : state;
}
