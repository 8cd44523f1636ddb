/** Paths of files as /proc shows them: d_path() in fs/d_path.c, from the crashed kernel's dentries and mounts. */
import { KernelError } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';
import { remembering } from '../remember.ts';

/** A `struct path`. */
export interface PathAt {
  /** Of a `struct mount`; 0 for none. */
  readonly mount: bigint;
  readonly dentry: bigint;
}

/** Directories and mount points from a file up to the root. PATH_MAX allows 2048 directories. */
const MOST_STEPS = 4096;
/** NAME_MAX, and the NUL. */
const NAME_BYTES = 256;

/** @param path the address of a `struct path`. @throws AutopsyError, KernelError */
export function pathAt({ fields }: DeadKernel, path: bigint): PathAt {
  const inner = fields.pointer(path, 'path.mnt');
  return {
    mount: inner === 0n ? 0n : BigInt.asUintN(64, inner - fields.address(0n, 'mount.mnt')),
    dentry: fields.pointer(path, 'path.dentry'),
  };
}

/**
 * Texts that are kept: of so many files and directories, the first ones, which take a MiB. Others are found again each time: a machine may have
 * any number of sockets open, and an autopsy beside the dump has little memory.
 */
const MOST_KEPT = 1 << 12;

/** The paths of one kernel. Files of one directory, and of many tasks, have most of their path in common: it is found once. */
export class Paths {
  readonly #kernel: DeadKernel;
  /** By mount and dentry. */
  readonly #texts = new Known();
  readonly #directories = new Known();
  /** @throws AutopsyError, KernelError */
  readonly fileSystemName: (superBlock: bigint) => string;

  constructor(kernel: DeadKernel) {
    this.#kernel = kernel;
    this.fileSystemName = remembering(MOST_KEPT, superBlock => fileSystemName(kernel, superBlock));
  }

  /**
   * The path from the root of all mounts, with ` (deleted)` behind one that is no longer there. What is in no directory
   * (a pipe, a socket) is `pipe:[inode]`.
   * @throws AutopsyError, KernelError
   */
  text(path: PathAt): string {
    const known = this.#texts.get(path);
    if (known !== undefined) return known;
    const text = this.#namelessText(path.dentry) ?? this.#directoryText(path);
    this.#texts.set(path, text);
    return text;
  }

  /** Of the root of a mount: where it is mounted. @throws AutopsyError, KernelError */
  mountPoint(mount: bigint): string {
    const { fields } = this.#kernel;
    return this.#directoryText({ mount, dentry: fields.pointer(mount, 'mount.mnt.mnt_root') });
  }

  #directoryText(path: PathAt): string {
    const { fields } = this.#kernel;
    const { dentry } = path;
    const isRoot = fields.pointer(dentry, 'dentry.d_parent') === dentry;
    const isDeleted = !isRoot && fields.pointer(dentry, 'dentry.d_hash.pprev') === 0n;
    return `${this.#fromRoot(path) || '/'}${isDeleted ? ' (deleted)' : ''}`;
  }

  /** Empty for the root of all mounts. */
  #fromRoot(path: PathAt): string {
    const below: { readonly at: PathAt; readonly name: string }[] = [];
    let at: PathAt | undefined = path;
    let text = this.#directories.get(at);
    for (let steps = 0; at && text === undefined; steps++) {
      if (steps === MOST_STEPS) throw endless(at.dentry);
      const step = this.#stepUp(at);
      below.push({ at, name: step.name });
      at = step.above;
      text = at && this.#directories.get(at);
    }
    text ??= '';
    for (const { at, name } of below.reverse()) {
      text += name;
      this.#directories.set(at, text);
    }
    return text;
  }

  /** What is behind the path of `above`; without that at the root of all mounts, and where a dentry is in no directory. */
  #stepUp({ mount, dentry }: PathAt): { readonly name: string; readonly above?: PathAt } {
    const { fields } = this.#kernel;
    const parent = fields.pointer(dentry, 'dentry.d_parent');
    if (mount !== 0n && dentry === fields.pointer(mount, 'mount.mnt.mnt_root')) {
      const above = fields.pointer(mount, 'mount.mnt_parent');
      if (above === mount) return { name: '' };
      return { name: '', above: { mount: above, dentry: fields.pointer(mount, 'mount.mnt_mountpoint') } };
    }
    if (parent === dentry) return { name: '' };
    return { name: `/${this.#name(dentry)}`, above: { mount, dentry: parent } };
  }

  /** Undefined for a file in a directory. */
  #namelessText(dentry: bigint): string | undefined {
    const { fields } = this.#kernel;
    const operations = fields.pointer(dentry, 'dentry.d_op');
    if (operations === 0n || fields.pointer(operations, 'dentry_operations.d_dname') === 0n) return undefined;
    const type = this.fileSystemName(fields.pointer(dentry, 'dentry.d_sb'));
    const inode = fields.pointer(dentry, 'dentry.d_inode');
    const name = () => this.#name(dentry);
    const words = Object.hasOwn(NAMELESS, type) ? NAMELESS[type] : undefined;
    // Memory files: simple_dname() in fs/d_path.c.
    return words ? words(name, () => fields.integer(inode, 'inode.i_ino')) : `/${name()} (deleted)`;
  }

  #name(dentry: bigint): string {
    const { memory, fields } = this.#kernel;
    const at = fields.pointer(dentry, 'dentry.d_name.name');
    return utf8(memory.cstring(at, NAME_BYTES, 'the name of a file'));
  }
}

/** Texts by mount and dentry. */
class Known {
  readonly #mounts = new Map<bigint, Map<bigint, string>>();
  #kept = 0;

  get({ mount, dentry }: PathAt): string | undefined {
    return this.#mounts.get(mount)?.get(dentry);
  }

  set({ mount, dentry }: PathAt, text: string): void {
    if (this.#kept === MOST_KEPT) return;
    const texts = this.#mounts.get(mount) ?? new Map<bigint, string>();
    this.#mounts.set(mount, texts.set(dentry, text));
    this.#kept++;
  }
}

/** File systems of files in no directory: how their d_dname functions name them. */
const NAMELESS: Readonly<Record<string, (name: () => string, inode: () => bigint) => string>> = {
  pipefs: (_, inode) => `pipe:[${inode()}]`,
  sockfs: (_, inode) => `socket:[${inode()}]`,
  anon_inodefs: name => `anon_inode:${name()}`,
  nsfs: (_, inode) => `nsfs:[${inode()}]`,
};

const TYPE_NAME_BYTES = 64;

/** The name of a super block's type, with that of a FUSE file system: `ext4`, `fuse.sshfs`. */
function fileSystemName({ memory, fields }: DeadKernel, superBlock: bigint): string {
  const text = (at: bigint) => utf8(memory.cstring(at, TYPE_NAME_BYTES, 'the name of a file system'));
  const type = fields.pointer(superBlock, 'super_block.s_type');
  const subtype = fields.pointer(superBlock, 'super_block.s_subtype');
  const name = text(fields.pointer(type, 'file_system_type.name'));
  return subtype === 0n ? name : `${name}.${text(subtype)}`;
}

/** Memory is read as latin1. */
export function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}

function endless(dentry: bigint): KernelError {
  return new KernelError(
    'ENDLESS_PATH',
    {
      action: 'find the path of a file',
      actual: `it has more than ${MOST_STEPS} directories`,
      wanted: 'a path that ends',
    },
    { dentry },
  );
}
