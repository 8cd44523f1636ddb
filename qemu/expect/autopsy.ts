/** The autopsy that a capture writes before or while it makes the dump: its files, and what the manifest says of it. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  AUTOPSY_JSON,
  AUTOPSY_TEXT,
  type AutopsyCrash,
  type Part,
  present,
} from '../../capture/autopsy/summary/autopsy.ts';
import type { ManifestAutopsy } from '../../capture/storage/manifest.ts';
import { parseAutopsy } from '../../scripts/lib/dumps/autopsy-schema.ts';
import type { CrashRun } from '../run/run.ts';
import { readManifest } from './manifest.ts';

type Saved = Pick<CrashRun, 'dumps' | 'guest'>;

/** The autopsy of a dump directory; undefined where there is none, or none that makes sense. */
export function savedAutopsy(dump: string) {
  const path = join(dump, AUTOPSY_JSON);
  return existsSync(path) ? parseAutopsy(readFileSync(path, 'utf8')) : undefined;
}

/** Saved with the panicking stack, wherever the dump went. */
export function autopsySaved({ dumps, guest }: Saved) {
  const [dump = ''] = dumps;
  const crash = stackOf(savedAutopsy(dump)?.crash);
  const names = guest.files.map(({ path }) => basename(path));
  const unlisted = [AUTOPSY_TEXT, AUTOPSY_JSON].filter(name => !names.includes(name));
  const autopsy = readManifest(dump)?.autopsy;
  const amiss = [
    ...(unlisted.length > 0 ? [`the machine does not list ${unlisted.join(' and ')}`] : []),
    ...(autopsy?.state === 'saved' ? [] : [recordText(autopsy)]),
    ...(crash.length > 0 ? [] : ['the autopsy has no stack']),
  ];
  return [
    {
      what: 'the stack of the panic is saved beside the dump',
      holds: amiss.length === 0,
      saw: [...amiss, ...(crash.length > 0 ? [crash.join(' < ')] : [])].join('; '),
    },
  ];
}

/** Saved, or skipped because memory or symbols are missing. Nothing went wrong. */
export function autopsySavedOrSkipped(run: Saved) {
  const autopsy = readManifest(run.dumps[0] ?? '')?.autopsy;
  if (autopsy?.state === 'saved') return autopsySaved(run);
  const what = 'the manifest says why there is no autopsy';
  return [{ what, holds: autopsy?.state === 'skipped', saw: recordText(autopsy) }];
}

/** It failed, and the manifest says how. */
export function autopsyFailed(why: RegExp) {
  return ({ dumps }: Saved) => {
    const autopsy = readManifest(dumps[0] ?? '')?.autopsy;
    return [
      {
        what: 'the manifest says why there is no autopsy',
        holds: autopsy?.state === 'failed' && why.test(autopsy.why ?? ''),
        saw: recordText(autopsy),
      },
    ];
  };
}

function stackOf(crash: Part<AutopsyCrash> | undefined): string[] {
  const stack = crash && present(crash) && present(present(crash)!.stack);
  return (stack ?? []).map(({ name, address }) => name ?? address);
}

function recordText(autopsy: ManifestAutopsy | undefined): string {
  return autopsy ? [autopsy.state, autopsy.why].filter(Boolean).join(': ') : 'nothing in the manifest';
}
