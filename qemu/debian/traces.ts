/** Finds what a removed program left on the machine. */
import { gunzipSync } from 'node:zlib';
import type { Agent } from './agent.ts';

export interface FileList {
  readonly files: ReadonlySet<string>;
  /** Files of packages: a kernel installed in between is not a trace. */
  readonly owned: ReadonlySet<string>;
}

/** Paths that every machine changes all the time, and what installing a kernel creates. */
const RESTLESS = [
  /^\/(mnt|tmp|var\/tmp|var\/log|var\/cache|var\/lib\/(apt|dpkg|systemd|ucf|initramfs-tools))(\/|$)/,
  /^\/boot\/(grub\/|initrd\.img-)/,
  /^\/(usr\/)?lib\/modules\/[^/]+\/modules\./,
  /^\/(vmlinuz|initrd\.img)(\.old)?$/,
];

export async function listFiles(agent: Agent): Promise<FileList> {
  return {
    files: await linesOf(agent, 'find / -xdev'),
    owned: await linesOf(agent, 'cat /var/lib/dpkg/info/*.list'),
  };
}

/** Files of `after` that were not there before and belong to no package. */
export function traces(before: FileList, after: FileList): string[] {
  const merged = (path: string) => path.replace(/^\/usr\/(lib|bin|sbin)/, '/$1');
  const owned = new Set([...after.owned].map(merged));
  return [...after.files].filter(
    path =>
      !before.files.has(path) && !owned.has(merged(path)) && !RESTLESS.some(pattern => pattern.test(path)),
  );
}

/** Compresses the output, since the emulated serial port is slow. */
async function linesOf(agent: Agent, command: string): Promise<Set<string>> {
  const packed = await agent.must(`${command} | gzip | base64 -w0`);
  const text = gunzipSync(Buffer.from(packed, 'base64')).toString();
  return new Set(text.split('\n').filter(line => line !== ''));
}
