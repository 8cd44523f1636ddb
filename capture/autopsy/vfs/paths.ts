/** Paths of files as /proc shows them: d_path() in fs/d_path.c, from the crashed kernel's dentries and mounts. */
import { KernelError } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';

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
 * The path from the root of all mounts, with ` (deleted)` behind one that is no longer there. What is in no directory
 * (a pipe, a socket) is `pipe:[inode]`.
 * @throws AutopsyError, KernelError
 */
export function pathText(kernel: DeadKernel, path: PathAt): string {
  return namelessText(kernel, path) ?? directoryText(kernel, path);
}

/** Of the root of a mount: where it is mounted. */
export function mountPointText(kernel: DeadKernel, mount: bigint): string {
  return directoryText(kernel, { mount, dentry: kernel.fields.pointer(mount, 'mount.mnt.mnt_root') });
}

function directoryText(kernel: DeadKernel, { mount, dentry }: PathAt): string {
  const { fields } = kernel;
  const names: string[] = [];
  const isDeleted = !isRoot(kernel, dentry) && fields.pointer(dentry, 'dentry.d_hash.pprev') === 0n;
  for (let steps = 0; ; steps++) {
    if (steps === MOST_STEPS) throw endless(dentry);
    const parent = fields.pointer(dentry, 'dentry.d_parent');
    if (mount !== 0n && dentry === fields.pointer(mount, 'mount.mnt.mnt_root')) {
      const above = fields.pointer(mount, 'mount.mnt_parent');
      if (above === mount) break;
      dentry = fields.pointer(mount, 'mount.mnt_mountpoint');
      mount = above;
    } else if (parent === dentry) break;
    else {
      names.unshift(dentryName(kernel, dentry));
      dentry = parent;
    }
  }
  return `/${names.join('/')}${isDeleted ? ' (deleted)' : ''}`;
}

function isRoot({ fields }: DeadKernel, dentry: bigint): boolean {
  return fields.pointer(dentry, 'dentry.d_parent') === dentry;
}

/** File systems of files in no directory: how their d_dname functions name them. */
const NAMELESS: Readonly<Record<string, (name: string, inode: bigint) => string>> = {
  pipefs: (_, inode) => `pipe:[${inode}]`,
  sockfs: (_, inode) => `socket:[${inode}]`,
  anon_inodefs: name => `anon_inode:${name}`,
  nsfs: (_, inode) => `nsfs:[${inode}]`,
};

/** Undefined for a file in a directory. */
function namelessText(kernel: DeadKernel, { dentry }: PathAt): string | undefined {
  const { fields } = kernel;
  const operations = fields.pointer(dentry, 'dentry.d_op');
  if (operations === 0n || fields.pointer(operations, 'dentry_operations.d_dname') === 0n) return undefined;
  const name = dentryName(kernel, dentry);
  const type = fileSystemName(kernel, fields.pointer(dentry, 'dentry.d_sb'));
  const inode = fields.pointer(dentry, 'dentry.d_inode');
  const words = Object.hasOwn(NAMELESS, type) ? NAMELESS[type] : undefined;
  // Memory files: simple_dname() in fs/d_path.c.
  return words ? words(name, fields.integer(inode, 'inode.i_ino')) : `/${name} (deleted)`;
}

function dentryName({ memory, fields }: DeadKernel, dentry: bigint): string {
  return utf8(memory.cstring(fields.pointer(dentry, 'dentry.d_name.name'), NAME_BYTES, 'the name of a file'));
}

const TYPE_NAME_BYTES = 64;

/** The name of a super block's type, with that of a FUSE file system: `ext4`, `fuse.sshfs`. */
export function fileSystemName({ memory, fields }: DeadKernel, superBlock: bigint): string {
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
