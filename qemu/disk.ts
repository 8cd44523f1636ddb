/** The guest's boot disk: an ext4 image made, checked and read without a mount and without a loop device. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { SystemError } from '../capture/errors.ts';
import { findCommand } from '../scripts/setup/host-packages.ts';

const run = promisify(execFile);

export interface DiskRequest {
  readonly path: string;
  readonly sizeMib: number;
  readonly uuid: string;
  /** A folder whose files go in. */
  readonly contents: string;
}

/** A sparse raw image. */
export async function makeDisk({ path, sizeMib, uuid, contents }: DiskRequest): Promise<void> {
  await writeFile(path, '');
  await truncate(path, sizeMib * 1024 * 1024);
  await tool('mke2fs', ['-q', '-F', '-t', 'ext4', '-U', uuid, '-L', 'lab-root', '-d', contents, path]);
}

/** Copies a folder of the image to `into/<its name>`. */
export async function extract(disk: string, folder: string, into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  await tool('debugfs', ['-R', `rdump "${folder}" "${into}"`, disk]);
}

/** The image as e2fsck sees it, forced and read-only. */
export async function checkDisk(disk: string): Promise<{ clean: boolean; says: string }> {
  try {
    const { stdout } = await run(findCommand('e2fsck')!, ['-fn', disk]);
    return { clean: true, says: stdout };
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return { clean: false, says: `${stdout ?? ''}${stderr ?? ''}` };
  }
}

async function tool(name: string, args: readonly string[]): Promise<void> {
  try {
    await run(findCommand(name) ?? name, args);
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    const actual = stderr?.trim() || String(cause);
    throw new SystemError('TOOL_FAILED', { action: `run ${name} ${args.join(' ')}`, actual }, {}, { cause });
  }
}
