/** Matches a target's name to a block device: its node, a tag of its file system or partition, or a udev link. */
import type { Superblock } from './superblock.ts';

/** What is known about a block device. */
export interface DeviceFacts {
  /** `/dev/vda1` */
  readonly node: string;
  /** Its other names: `/dev/mapper/vg-root`, `/dev/disk/by-path/…`. */
  readonly aliases: readonly string[];
  readonly superblock?: Superblock;
  readonly partition?: { readonly uuid: string; readonly label: string };
  /** The larger device that it is a member of; its superblock then describes that one. */
  readonly memberOf?: string;
}

type Tag = 'UUID' | 'LABEL' | 'PARTUUID' | 'PARTLABEL';

/** The links that udev makes for tags; characters that a file name cannot have are written like `\x20`. */
const LINK_FOLDERS: Readonly<Record<string, Tag>> = {
  '/dev/disk/by-uuid/': 'UUID',
  '/dev/disk/by-label/': 'LABEL',
  '/dev/disk/by-partuuid/': 'PARTUUID',
  '/dev/disk/by-partlabel/': 'PARTLABEL',
};

/** Whether the name means this device. */
export function namesDevice(name: string, facts: DeviceFacts): boolean {
  const tag = tagOf(name);
  return tag ? hasTag(facts, ...tag) : name === facts.node || facts.aliases.includes(name);
}

/** Returns undefined for a device's own name. */
function tagOf(name: string): [Tag, string] | undefined {
  const folder = Object.keys(LINK_FOLDERS).find(prefix => name.startsWith(prefix));
  if (folder) return [LINK_FOLDERS[folder], unescapeTag(name.slice(folder.length))];
  const match = /^(UUID|LABEL|PARTUUID|PARTLABEL)=(.*)$/s.exec(name);
  return match ? [match[1] as Tag, unescapeTag(match[2])] : undefined;
}

function hasTag({ superblock, partition, memberOf }: DeviceFacts, tag: Tag, value: string): boolean {
  if (value === '') return false;
  switch (tag) {
    case 'UUID':
      return !memberOf && superblock?.uuid === value.toLowerCase();
    case 'LABEL':
      return !memberOf && superblock?.label === value;
    case 'PARTUUID':
      return partition?.uuid === value.toLowerCase();
    case 'PARTLABEL':
      return partition?.label === value;
  }
}

/** Decodes udev's `\xNN` escapes, which stand for single bytes of UTF-8. */
function unescapeTag(text: string): string {
  if (!text.includes('\\x')) return text;
  const latin1 = Buffer.from(text).toString('latin1');
  const bytes = latin1.replace(/\\x([0-9a-fA-F]{2})/g, (_, code) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
