/** The error for what a kernel's configuration lacks, with the command that mends it. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Config, Gap } from './config-needs.ts';
import type { ImageFormat } from './image-format.ts';
import { CannotCrash } from './lab-kernel.ts';

export interface Lacking {
  /** `crash /home/me/linux/arch/x86/boot/bzImage` */
  readonly action: string;
  readonly gaps: readonly Gap[];
  readonly config: Config;
  readonly format: ImageFormat;
  readonly build?: string;
  /** Whether any modules of the kernel are known. */
  readonly hasTree: boolean;
}

export function gapsIn(lacking: Lacking): CannotCrash {
  const { action, gaps } = lacking;
  const actual = gaps.map(({ text }) => text).join('; ');
  return new CannotCrash('CONFIG_GAPS', { action, actual, toDo: adviceFor(lacking) });
}

function adviceFor({ gaps, config, build, hasTree, format }: Lacking): string {
  const changes = [...new Set(gaps.flatMap(({ fix }) => fix))];
  if (changes.length > 0) {
    const image = basename(format.built);
    // Without CONFIG_MODULES, `make modules` is an error.
    const hasModules = config.get('MODULES') === 'y' || changes.includes('-e MODULES');
    const targets = hasModules ? `${image} modules` : image;
    return `Change the configuration and build the kernel again: ${configCommand(build)} ${changes.join(' ')} && make olddefconfig ${targets}`;
  }
  if (build) return `Run make -C ${build} modules`;
  return hasTree
    ? 'Name a complete module tree with --modules DIR'
    : 'Name its modules with --modules DIR, or build them in';
}

/** A directory that O= was has a link to the source, and no scripts/config of its own. */
function configCommand(build: string | undefined): string {
  if (build === undefined) return 'scripts/config';
  const script = ['scripts/config', 'source/scripts/config'].find(path => existsSync(join(build, path)));
  return `cd ${build} && ${script ?? 'scripts/config'}`;
}
