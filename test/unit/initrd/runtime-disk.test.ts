/** The runtime image on the machine's own disk: the early stage says where it is another than the initrd's, and goes on. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findCommand } from '../../../build/host/host-packages.ts';
import { PROJECT } from '../../../build/paths.ts';

const BUSYBOX = findCommand('busybox')!;
const SCRIPT = readFileSync(join(PROJECT, 'initrd/runtime-disk.sh'), 'utf8');

let directory: string;
const path = (name: string) => join(directory, name);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-runtime-disk-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const SUPERBLOCK = 'hsqs'.padEnd(96, '.');
const ID = createHash('sha256').update(SUPERBLOCK).digest('hex');
const OTHER_SUPERBLOCK = 'hsqs'.padEnd(96, ',');

test.each([
  ['the initrd’s says nothing', `${SUPERBLOCK}blocks`, false],
  ['another package says so', `${OTHER_SUPERBLOCK}blocks`, true],
  ['a file that is cut says so', 'hsqs', true],
  ['an empty file says so', '', true],
  // runtime-image.sh gives up there.
  ['none says nothing', undefined, false],
])('a runtime image on the disk that is %s', (_, image, isOther) => {
  writeFileSync(path('kmsg'), '');
  if (image !== undefined) writeFileSync(path('image'), image);
  const bb = `#!/bin/sh
case $1 in
  findfs) echo /dev/null ;;
  mount|blockdev) ;;
  *) exec ${BUSYBOX} "$@" ;;
esac
`;
  writeFileSync(path('bb'), bb, { mode: 0o755 });
  const settings = `bb=${path('bb')} runtime_device=LABEL=x runtime_fstype=ext4 runtime_timeout=1
runtime_file=${path('image')} disk_runtime=${ID}
give_up() { echo "gave up: $1"; exit 1; }`;
  const script = SCRIPT.replaceAll('/dev/kmsg', path('kmsg')).replace('[ -b "$disk" ]', 'true');
  const said = execFileSync(BUSYBOX, ['sh', '-c', `${settings}\n${script}\necho went on`], {
    encoding: 'utf8',
  });
  expect(said).toBe('went on\n');
  expect(readFileSync(path('kmsg'), 'utf8')).toBe(
    isOther
      ? '<4>kdumpling: early: the runtime image on the disk is not the one that this initrd was built with; run kdumpling load after the reboot\n'
      : '',
  );
});
