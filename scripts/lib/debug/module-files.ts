/** The debug files of modules that the crashed kernel had loaded. The debugger checks them. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { attempt } from '../../../capture/errors.ts';
import type { Host } from '../host/host.ts';
import type { DumpedKernel } from './dumped-kernel.ts';
import { modulePlaces } from './places.ts';

export interface ModuleFiles {
  /** The tree that they are in; undefined where none is installed. */
  readonly directory?: string;
  /** One for each loaded module that has one. */
  readonly files: readonly string[];
}

/** Paths for this process. */
export function moduleFiles(host: Host, { release, modules }: DumpedKernel): ModuleFiles {
  const directory = release && modulePlaces(release).find(place => host.exists(place));
  if (!directory) return { files: [] };
  const tree = host.path(directory);
  const names = attempt(() => readdirSync(tree, { recursive: true, encoding: 'utf8' })) ?? [];
  const byModule = new Map(
    names.flatMap(name => {
      const module = /^(.+)\.ko(\.debug)?$/.exec(basename(name))?.[1];
      // A module's name has no dashes, that of its file may.
      return module === undefined ? [] : [[module.replaceAll('-', '_'), join(tree, name)] as const];
    }),
  );
  if (byModule.size === 0) return { files: [] };
  return { directory: tree, files: modules.flatMap(name => byModule.get(name) ?? []) };
}
