/** All kinds of hostile input, one row each. Their shares give each kind about as much time as the others. */
import type { Kind } from './kind.ts';
import { directories, manifests } from './kinds/directories.ts';
import { elf, flattened, kdumpKind } from './kinds/dump-files.ts';
import { redump } from './kinds/redump.ts';
import { split } from './kinds/split.ts';
import { partitions, stateFiles } from './kinds/state-files.ts';
import { textKinds } from './kinds/texts.ts';
import { autopsies } from './vmcore/autopsy.ts';
import { vmcores } from './vmcore/kind.ts';
import { triages } from './vmcore/triage.ts';

export const KINDS: readonly Kind[] = [
  vmcores,
  triages,
  kdumpKind('kdump', 10),
  flattened,
  split,
  elf,
  redump,
  manifests,
  directories,
  stateFiles,
  partitions,
  ...textKinds,
];

/** Only with real vmcores: a built machine has no kallsyms, BTF and ORC tables. */
export const KINDS_OF_REAL_VMCORES: readonly Kind[] = [autopsies];
