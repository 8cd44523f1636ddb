/**
 * The file systems that dumps can go to. Each is one row: how its superblock looks, which modules it needs, which mount
 * options matter, what checks it, what it cannot do. A new file system is a new row here.
 * Offsets: Linux fs/ext4/ext4.h, fs/xfs/libxfs/xfs_format.h, include/uapi/linux/btrfs_tree.h, include/uapi/linux/msdos_fs.h.
 */

export interface FileSystem {
  /** The kernel's name for it, which is also the directive in kdump.conf. */
  readonly name: string;
  readonly superblocks: readonly SuperblockLayout[];
  /** `optional` ones are requested by name at run time (crypto API, character sets) and included where the kernel has them. */
  readonly modules: { readonly required: readonly string[]; readonly optional: readonly string[] };
  readonly mountOptions: {
    /** Kept from the host's options: `name=` with any value, a name alone, or `name=value`. */
    readonly kept: readonly string[];
    readonly added: readonly string[];
    /** A mount fails without the module that is this prefix and the option's value. */
    readonly modules?: readonly { readonly option: string; readonly prefix: string }[];
  };
  /** Repairs what needs no decision. Without one, damage means that the target is not used. */
  readonly checker?: Checker;
  /**
   * Writes past the page cache are not waited for in blocks that are reserved. It has the number by which statfs(2) names the file
   * system (Linux include/uapi/linux/magic.h).
   */
  readonly writesDirectly?: { readonly magic: number };
  /** The largest file, where a dump can be larger. */
  readonly mostFileBytes?: number;
  /** All devices of one file system carry its UUID. */
  readonly spansDevices?: true;
}

export interface SuperblockLayout {
  /** All of them must match. Bytes in hexadecimal. */
  readonly magics: readonly { readonly offset: number; readonly bytes: string }[];
  readonly uuid: { readonly offset: number; readonly kind: 'uuid' | 'serial' };
  readonly label: {
    readonly offset: number;
    readonly bytes: number;
    /** Padded with blanks instead of zeros; this text stands for "no label". */
    readonly blank?: string;
  };
  /** Numbers that show whether the file system uses devices besides this one. */
  readonly otherDevices?: readonly DeviceCount[];
  /** A 16-bit little-endian word in which this bit says that errors were found. */
  readonly errorFlag?: { readonly offset: number; readonly bit: number };
}

export interface DeviceCount {
  readonly offset: number;
  readonly size: 'u32le' | 'u64le' | 'u64be';
  /** What it is where the file system needs no other device. */
  readonly alone: (value: bigint) => boolean;
  /** Else: completes "its file system …". */
  readonly else: string;
}

export interface Checker {
  /** A program that build/runtime.ts puts into the runtime image. */
  readonly program: string;
  /** Before the device. */
  readonly args: readonly string[];
  /** Exit codes from here on mean that errors are left. */
  readonly failedFrom: number;
}

const CRC32C = ['crc32c_generic', 'crc32c_intel'];
const BOOT_SECTOR = { offset: 510, bytes: '55aa' };
const FAT_NO_LABEL = 'NO NAME';
const isZero = (value: bigint) => value === 0n;

export const FILE_SYSTEMS = [
  {
    name: 'ext4',
    superblocks: [
      {
        magics: [{ offset: 0x400 + 0x38, bytes: '53ef' }],
        uuid: { offset: 0x400 + 0x68, kind: 'uuid' },
        label: { offset: 0x400 + 0x78, bytes: 16 },
        errorFlag: { offset: 0x400 + 0x3a, bit: 2 }, // s_state, EXT4_ERROR_FS
        otherDevices: [
          // s_journal_dev; s_feature_incompat, EXT4_FEATURE_INCOMPAT_JOURNAL_DEV
          { offset: 0x400 + 0xe4, size: 'u32le', alone: isZero, else: 'keeps its journal on another device' },
          {
            offset: 0x400 + 0x60,
            size: 'u32le',
            alone: features => (features & 8n) === 0n,
            else: 'is the journal of another one',
          },
        ],
      },
    ],
    modules: { required: ['ext4'], optional: CRC32C },
    mountOptions: {
      kept: [
        'errors=remount-ro',
        'errors=continue',
        'data=',
        'journal_checksum',
        'journal_dev=',
        'journal_path=',
      ],
      added: [],
    },
    // e2fsck(8): 4 is "file system errors left uncorrected"; below are "corrected" and "reboot".
    checker: { program: 'e2fsck', args: ['-p'], failedFrom: 4 },
    writesDirectly: { magic: 0xef53 },
  },
  {
    name: 'xfs',
    superblocks: [
      {
        magics: [{ offset: 0, bytes: '58465342' }],
        uuid: { offset: 32, kind: 'uuid' },
        label: { offset: 108, bytes: 12 },
        otherDevices: [
          // sb_logstart, sb_rblocks
          {
            offset: 48,
            size: 'u64be',
            alone: start => start !== 0n,
            else: 'keeps its log on another device',
          },
          { offset: 16, size: 'u64be', alone: isZero, else: 'has a realtime device' },
        ],
      },
    ],
    modules: { required: ['xfs'], optional: CRC32C },
    // An XFS with an external log or a realtime device does not mount without it.
    mountOptions: { kept: ['logdev=', 'rtdev=', 'inode64', 'inode32'], added: [] },
    writesDirectly: { magic: 0x5846_5342 },
  },
  {
    name: 'btrfs',
    superblocks: [
      {
        magics: [{ offset: 0x10000 + 0x40, bytes: '5f42485266535f4d' }],
        uuid: { offset: 0x10000 + 0x20, kind: 'uuid' },
        label: { offset: 0x10000 + 0x12b, bytes: 256 },
        otherDevices: [
          // num_devices
          {
            offset: 0x10000 + 0x88,
            size: 'u64le',
            alone: count => count === 1n,
            else: 'spans several devices, and a capture brings up one',
          },
        ],
      },
    ],
    modules: { required: ['btrfs'], optional: [...CRC32C, 'xxhash_generic', 'blake2b_generic'] },
    mountOptions: { kept: ['subvol=', 'subvolid=', 'degraded', 'device='], added: [] },
    spansDevices: true,
  },
  {
    name: 'vfat',
    superblocks: [
      {
        // FAT32
        magics: [BOOT_SECTOR, { offset: 82, bytes: '4641543332202020' }],
        uuid: { offset: 67, kind: 'serial' },
        label: { offset: 71, bytes: 11, blank: FAT_NO_LABEL },
      },
      {
        // FAT12 and FAT16
        magics: [BOOT_SECTOR, { offset: 54, bytes: '464154' }],
        uuid: { offset: 39, kind: 'serial' },
        label: { offset: 43, bytes: 11, blank: FAT_NO_LABEL },
      },
    ],
    modules: { required: ['vfat'], optional: ['nls_cp437', 'nls_ascii', 'nls_iso8859-1', 'nls_utf8'] },
    mountOptions: {
      kept: ['codepage=', 'iocharset='],
      // FAT has no modes and no journal: files are private by mount option, and dirsync makes a rename durable.
      added: ['umask=0077', 'uid=0', 'gid=0', 'dirsync'],
      // Linux fs/nls/nls_base.c: load_nls()
      modules: [
        { option: 'codepage=', prefix: 'nls_cp' },
        { option: 'iocharset=', prefix: 'nls_' },
      ],
    },
    mostFileBytes: 2 ** 32 - 1, // the length of a file has 32 bits
  },
] as const satisfies readonly FileSystem[];

export type FileSystemName = (typeof FILE_SYSTEMS)[number]['name'];

export const FILE_SYSTEM_NAMES: readonly string[] = FILE_SYSTEMS.map(({ name }) => name);

/** The row of this name; undefined for a file system that a capture does not write to. */
export function fileSystemNamed(name: string): FileSystem | undefined {
  return FILE_SYSTEMS.find(row => row.name === name);
}

/** @param magic of statfs(2) */
export function writesDirectly(magic: number): boolean {
  const rows: readonly FileSystem[] = FILE_SYSTEMS;
  return rows.some(row => row.writesDirectly?.magic === magic);
}

/** The modules without which a file system does not mount with these options: `nls_cp850` for `codepage=850`. */
export function optionModules(fstype: string, mountOptions: string): string[] {
  const { modules = [] } = fileSystemNamed(fstype)?.mountOptions ?? {};
  return mountOptions.split(',').flatMap(given => {
    const row = modules.find(({ option }) => given.startsWith(option));
    return row ? [`${row.prefix}${given.slice(row.option.length)}`] : [];
  });
}
