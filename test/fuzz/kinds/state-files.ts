/** The files in which the host command keeps its state: one row for each, with a valid one and what reads it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readHistory } from '../../../capture/storage/policy/crash-loop.ts';
import { NEWS_PATH, reportNews } from '../../../scripts/lib/announce/news.ts';
import { unsetCrashkernel } from '../../../scripts/lib/boot-loader/boot-loaders.ts';
import { type Host, openHost } from '../../../scripts/lib/host/host.ts';
import { imageName, STATE_FOLDER } from '../../../scripts/lib/host/kernel-files.ts';
import { unsetSysctls } from '../../../scripts/lib/host/sysctls.ts';
import { damageOf, readStamp } from '../../../scripts/lib/image/stamp.ts';
import { readLoaded } from '../../../scripts/lib/kexec/loaded-record.ts';
import { extractPartition } from '../../../scripts/lib/recover/partition.ts';
import { judgeTest, readRecord } from '../../../scripts/lib/status/test-record.ts';
import type { Random } from '../../support/random.ts';
import { demand, type Kind, type Outcome, refusedOr } from '../kind.ts';
import { mutateJson } from '../mutate/json.ts';
import { type MutantText, mutateText } from '../mutate/text.ts';
import { placeOddly } from './odd-files.ts';
import { rawImage } from './raw-image.ts';
import { demandPrintable } from './texts.ts';

interface StateFile {
  readonly path: string;
  readonly valid: string;
  readonly mutate?: (base: string, random: Random) => MutantText;
  readonly read: (host: Host) => Outcome | Promise<Outcome>;
}

const KVER = '6.1.0-56-amd64';
const IMAGE = `/boot/${imageName(KVER)}`;
const SUBJECT = { kernel: 'a', image: 'b', config: 'c', commandLine: 'd', reservation: 'e' };
const signal = new AbortController().signal;

const STATE_FILES: readonly StateFile[] = [
  {
    path: NEWS_PATH,
    valid: JSON.stringify({
      reported: ['20261128T101213Z', '20261127T101213Z'],
      unposted: ['20261127T101213Z'],
    }),
    async read(host): Promise<Outcome> {
      await reportNews(host, { dumps: [], ignored: [] }, undefined, signal);
      return 'read';
    },
  },
  {
    path: '/run/kdumpling/loaded.json',
    valid: JSON.stringify({ imageSha256: 'ab'.repeat(32), commandLine: 'quiet panic=10' }),
    read: host => (readLoaded(host) ? 'read' : 'noticed'),
  },
  {
    path: `${STATE_FOLDER}/${imageName(KVER).replace(/\.img$/, '.stamp')}`,
    valid: JSON.stringify({ inputs: 'cd'.repeat(32), bytes: 5, sha256: 'ab'.repeat(32) }),
    read(host) {
      const stamp = readStamp(host, KVER);
      if (!stamp) return 'noticed';
      const damage = damageOf(host, IMAGE, stamp);
      demand(damage !== undefined, 'an image that was never built is called undamaged');
      demandPrintable(damage!);
      return 'read';
    },
  },
  {
    path: '/var/lib/kdumpling/sysctls.json',
    valid: JSON.stringify({ 'kernel.panic_on_oops': '0', 'kernel.softlockup_panic': '0' }),
    read(host) {
      unsetSysctls(host);
      return 'read';
    },
  },
  {
    path: `${STATE_FOLDER}/test.json`,
    valid: JSON.stringify({
      bootId: 'x',
      time: '2026-11-28T10:12:13Z',
      dumps: ['20261128T101213Z'],
      tested: SUBJECT,
    }),
    read(host) {
      const record = readRecord(host);
      if (!record) return 'noticed';
      const { text } = judgeTest(record, 'another', [], SUBJECT);
      demand(typeof text === 'string', 'a result without words');
      return 'read';
    },
  },
  {
    path: '/var/lib/kdumpling/boot-loader.json',
    valid: JSON.stringify({
      loader: 'GRUB (/etc/default/grub.d)',
      undo: {
        values: ['256M'],
        valuesBefore: [],
        edits: [
          { path: '/etc/default/grub.d/kdumpling.cfg', before: { text: 'x', mode: 0o644, uid: 0, gid: 0 } },
        ],
      },
    }),
    read: host => (unsetCrashkernel(host) ? 'read' : 'noticed'),
  },
  {
    path: '/var/crash/.crash-loop',
    valid: '3\n',
    mutate: (base, random) => mutateText(base, '\n', random),
    read(host) {
      const { quick } = readHistory(host.path('/var/crash'), '');
      demand(Number.isSafeInteger(quick) && quick >= 0, `a count of ${quick}`);
      return 'read';
    },
  },
];

/** What every row's reader finds beside its file. */
const BESIDE: Readonly<Record<string, string>> = {
  '/etc/default/grub': 'GRUB_CMDLINE_LINUX=""\n',
  '/boot/grub/grub.cfg': 'linux /vmlinuz root=/dev/vda1 quiet\n',
  '/proc/sys/kernel/panic_on_oops': '1',
  '/proc/sys/kernel/softlockup_panic': '1',
  [IMAGE]: 'image',
};

export const stateFiles: Kind = {
  name: 'state',
  share: 16,
  open({ folder }) {
    const root = join(folder, 'state-host');
    const host = hostIn(root);
    return random => {
      const file = random.pick(STATE_FILES);
      const isOdd = random.chance(0.1);
      const { labels, text } = (file.mutate ?? mutateJson)(file.valid, random);
      const place = isOdd ? placeOddly(random, folder) : undefined;
      return {
        labels: [file.path, ...(place ? [place.label] : labels)],
        run: () =>
          refusedOr(() => {
            put(host, file.path, text);
            if (place) place.put(host.path(file.path));
            return file.read(host);
          }),
      };
    };
  },
};

/** A partition without a file system, with a dump: its slots are JSON behind a checksum that is right. */
export const partitions: Kind = {
  name: 'partition',
  share: 10,
  open({ folder }) {
    const image = join(folder, 'partition.img');
    const into = join(folder, 'from-partition');
    return random => {
      const { labels, bytes } = rawImage(random);
      return {
        labels,
        run: () => {
          rmSync(into, { recursive: true, force: true });
          writeFileSync(image, bytes);
          return refusedOr(() => {
            const { files, damaged } = extractPartition(image, into);
            demand(
              files.every(name => !name.includes('/')),
              `files are written to ${files.join(', ')}`,
            );
            return damaged.length > 0 ? 'noticed' : 'read';
          });
        },
      };
    };
  },
};

function hostIn(root: string): Host {
  const host = openHost(root, () => ({ status: 0, stdout: '', stderr: '' }));
  for (const [path, text] of Object.entries(BESIDE)) put(host, path, text);
  put(host, '/usr/sbin/update-grub', '#!/bin/false\n', 0o755);
  return host;
}

function put(host: Host, path: string, text: string, mode = 0o644): void {
  const file = host.path(path);
  rmSync(file, { recursive: true, force: true });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
}
