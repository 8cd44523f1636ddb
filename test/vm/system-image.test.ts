/** Crashes inside a system image that is not the lab's. Only with `npm test -- --full`: a Debian boots for each. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCache } from '../../build/cache.ts';
import { fetchKernel } from '../../build/fetch/kernels.ts';
import { hostParts } from '../../build/parts/host-parts.ts';
import { PARTITION_OFFSET } from '../../qemu/debian/disk.ts';
import { fetchDebianImage } from '../../qemu/debian/image.ts';
import { makeSparse, tool } from '../../qemu/disks/file-systems.ts';
import { SOUND } from '../../qemu/faults/sound.ts';
import { crashWith } from '../../qemu/lab/crash.ts';
import { openLab } from '../../qemu/lab/lab.ts';
import { DEFAULT_MACHINE, type MachineChoice, triggerOf } from '../../qemu/lab/options.ts';
import { chooseAccel } from '../../qemu/machine/accel.ts';
import { writeOverlay } from '../support/qcow2.ts';
import { copyRoot, makeRoot } from '../support/system-roots.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';
import { broken } from './lab.ts';

const IMAGE_MS = 40 * 60_000;
const RUN_MS = 40 * 60_000;
/** What systemd calls a system that is up, as the lab's agent prints it. */
const RUNNING = /^lab: the system is up.*systemd/;

async function crash(choice: Partial<MachineChoice>) {
  const lab = await openLab({ ...DEFAULT_MACHINE, deadlineSeconds: 1800, ...choice }, line =>
    console.log(line),
  );
  return { lab, verdict: await crashWith(lab, SOUND, { signal: new AbortController().signal }) };
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 22 })) hash.update(chunk);
  return hash.digest('hex');
}

describe.skipIf(!process.env[FULL_LAB_VARIABLE])('a system image', () => {
  let debian: string;
  let folder: string;
  /** The Debian's files. */
  let root: string;
  beforeAll(async () => {
    const cache = openCache(console.log);
    const { accel } = await chooseAccel(cache, 'auto', (await fetchKernel(cache)).vmlinuz);
    debian = (await fetchDebianImage(cache, { parts: hostParts(), accel }, new AbortController().signal))
      .disk;
    folder = mkdtempSync(join(tmpdir(), 'kdumpling-system-'));
    root = join(folder, 'debian');
    await copyRoot(debian, PARTITION_OFFSET, root);
  }, IMAGE_MS);
  afterAll(() => folder && rmSync(folder, { recursive: true }));

  test(
    'a Debian in a partition crashes with its own kernel, and its image is as it was',
    async () => {
      const before = await digestOf(debian);
      const { lab, verdict } = await crash({ disk: debian, kernel: { path: debian, inImage: true } });
      expect(broken(verdict)).toEqual([]);
      expect(lab.system?.name).toMatch(/^Debian GNU\/Linux 12/);
      expect(verdict.run.lines.find(({ text }) => /^lab: the system is up/.test(text))?.text).toMatch(
        /systemd/,
      );
      expect(await digestOf(debian)).toBe(before);
    },
    RUN_MS,
  );

  test(
    'a bare ext4 in a qcow2, with another kernel than its own, crashes in the lab’s module',
    async () => {
      const bare = join(folder, 'bare.img');
      const from = [`if=${debian}`, 'bs=1M', `skip=${PARTITION_OFFSET >> 20}`];
      await tool('dd', [...from, `of=${bare}`, 'conv=sparse', 'status=none']);
      const disk = join(folder, 'bare.qcow2');
      writeOverlay(disk, bare);
      const kernel = { series: '6.12', flavour: 'cloud' } as const;
      const { lab, verdict } = await crash({ disk, kernel, trigger: triggerOf('null') });
      expect(broken(verdict)).toEqual([]);
      expect(lab.system).toMatchObject({ format: 'qcow2', root: { fs: 'ext4' } });
    },
    RUN_MS,
  );

  test.each(['xfs', 'btrfs'] as const)(
    'a system whose root is on %s crashes with its own kernel, and the dump is on its file system',
    async fs => {
      const disk = join(folder, `${fs}.img`);
      await makeRoot(fs, root, disk);
      const { lab, verdict } = await crash({ disk, kernel: { path: disk, inImage: true } });
      expect(broken(verdict)).toEqual([]);
      expect(lab.system?.root.fs).toBe(fs);
      expect(verdict.run.lines.some(({ text }) => RUNNING.test(text))).toBe(true);
    },
    RUN_MS,
  );

  test(
    'an image without a file system, and one whose system has no init',
    async () => {
      const empty = join(folder, 'empty.img');
      await makeSparse(empty, 64);
      await expect(crash({ disk: empty })).rejects.toThrow('it has no file system');
      const container = join(folder, 'container.img');
      const files = join(folder, 'container');
      await tool('mkdir', ['-p', join(files, 'etc'), join(files, 'usr')]);
      await makeSparse(container, 64);
      await tool('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', files, container]);
      await expect(crash({ disk: container })).rejects.toThrow('has no /sbin/init');
    },
    RUN_MS,
  );
});
