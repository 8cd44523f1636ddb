/** The name of the machine that crashed, which need not be the one that reads its dump. */
import { closeSync, openSync, readSync } from 'node:fs';
import { DISK_DUMP_HEADER_BYTES, decodeDiskDumpHeader } from '../../../capture/kdump/format/header.ts';
import { isKdumpFile } from '../../../capture/kdump/read/file.ts';
import { UNKNOWN_NAME } from '../../../capture/kernel/utsname.ts';
import type { Manifest } from '../../../capture/storage/manifest.ts';

/** @param vmcore the dump's file, if there is one. @returns undefined where neither manifest nor header says it. */
export function crashedName(manifest: Manifest | undefined, vmcore: string | undefined): string | undefined {
  const name = manifest?.kernel.nodename ?? (vmcore === undefined ? undefined : headerName(vmcore));
  return name === UNSET_NAME ? undefined : name;
}

/** What a kernel is called that nobody gave a name (CONFIG_DEFAULT_HOSTNAME). */
const UNSET_NAME = '(none)';

/** From `struct new_utsname` in the dump's header. A file of another format has none. */
function headerName(path: string): string | undefined {
  const bytes = readHead(path);
  if (!isKdumpFile(bytes)) return undefined;
  try {
    const { nodename } = decodeDiskDumpHeader(bytes).utsname;
    return nodename === '' || nodename === UNKNOWN_NAME ? undefined : nodename;
  } catch {
    return undefined;
  }
}

function readHead(path: string): Buffer {
  const bytes = Buffer.alloc(DISK_DUMP_HEADER_BYTES);
  const fd = openSync(path, 'r');
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}
