/** What an image holds and refuses to hold, on a made-up module tree. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildImage, type ImageRequest, PROGRAM_FILES, type Program } from '../../../initrd/image.ts';
import type { Layout } from '../../../initrd/layouts.ts';
import { archivesOf, recordsOf } from '../../support/image.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-image-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function programParts(): Program {
  const [file, runtime, usedRuntime] = ['file', 'runtime', 'used-runtime'].map(name => join(directory, name));
  writeFileSync(file!, '');
  writeFileSync(runtime!, 'hsqs');
  writeFileSync(usedRuntime!, 'hsqs, but less');
  const parts = Object.keys(PROGRAM_FILES).map(part => [part, file]);
  return { ...Object.fromEntries(parts), runtime, usedRuntime } as unknown as Program;
}

/** A kernel whose disk driver is the given module; everything else is built in. */
function build(driver: string, more: Partial<ImageRequest> = {}): () => unknown {
  const path = join(directory, driver);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'module');
  writeFileSync(join(directory, 'modules.dep'), `${driver}:\n`);
  const builtin = ['loop', 'squashfs', 'ext4'].map(name => `kernel/${name}.ko\n`).join('');
  writeFileSync(join(directory, 'modules.builtin'), builtin);
  const disk = driver.split('/').at(-1)!.replace(/\.ko$/, '');
  const program = programParts();
  return () =>
    buildImage({
      kver: '6.1.0',
      modulesDirectory: directory,
      program,
      fstype: 'ext4',
      disks: [disk],
      options: { target: '/dev/vda' },
      output: join(directory, 'image'),
      ...more,
    });
}

test('the disk driver is in the image', () => {
  expect(build('kernel/drivers/block/virtio_blk.ko')()).toMatchObject({
    modules: ['kernel/drivers/block/virtio_blk.ko'],
  });
});

test('a network module is refused', () => {
  expect(build('kernel/drivers/net/virtio_net.ko')).toThrow(/it would hold network modules/);
});

test('a character set of the target’s mount options that the kernel lacks is refused', () => {
  const options = { target: '/dev/vda', mountOptions: 'rw,codepage=850' };
  expect(build('kernel/fs/fat/vfat.ko', { fstype: 'vfat', options })).toThrow(
    /Cannot include the module nls_cp850/,
  );
  const fallbackTargets = ['vfat LABEL=x codepage=852'];
  expect(build('kernel/fs/fat/vfat.ko', { options: { target: '/dev/vda', fallbackTargets } })).toThrow(
    /Cannot include the module nls_cp852/,
  );
});

test('a name that a shell could misread is refused', () => {
  expect(build("kernel/a';reboot;'.ko")).toThrow(/characters that no module name has/);
});

const DISK = 'kernel/drivers/block/virtio_blk.ko';

test.each([
  ['self-contained', ['runtime', 'runtime-image.sh', 'runtime.squashfs'], ''],
  ['lean', ['disk', 'runtime', 'runtime-disk.sh', 'runtime-image.sh'], '/modules/virtio_blk.ko'],
] as const)(
  'the %s layout has its runtime and loads the drivers that the runtime needs',
  (layout, names, loadedEarly) => {
    build(DISK, { layout })();
    const image = Buffer.concat([...archivesOf(readFileSync(join(directory, 'image')))]).toString('latin1');
    const inImage = [...image.matchAll(/070701[0-9a-f]{104}([^\0]+)\0/g)].map(match => match[1]);
    expect(inImage.filter(name => /^(disk|runtime)/.test(name)).sort()).toEqual([...names]);
    expect(/^modules='(.*)'$/m.exec(image)?.[1]).toBe(loadedEarly);
  },
);

test.each(['self-contained', 'lean'] as const)(
  'in the %s layout the FFI is beside the programs by a link into the runtime image, where its pages can be dropped',
  layout => {
    build(DISK, { layout })();
    const links = archivesOf(readFileSync(join(directory, 'image'))).flatMap(archive =>
      recordsOf(archive)
        .filter(({ mode }) => (mode & 0o170000) === 0o120000)
        .map(({ name, bodyAt, bodyBytes }) => [name, archive.toString('latin1', bodyAt, bodyAt + bodyBytes)]),
    );
    expect(links).toContainEqual(['koffi.node', 'runtime/koffi.node']);
  },
);

test('V8’s code caches are in the image where the build has them', () => {
  const imageOf = (more: Partial<Program> = {}) => {
    build(DISK, { program: { ...programParts(), ...more } })();
    return Buffer.concat([...archivesOf(readFileSync(join(directory, 'image')))]).toString('latin1');
  };
  const seen = (image: string) => ({
    inImage: [...image.matchAll(/070701[0-9a-f]{104}([^\0]+\.cache)\0/g)].map(match => match[1]),
    removable: /^code_caches='(.*)'$/m.exec(image)?.[1],
  });
  expect(seen(imageOf())).toEqual({
    inImage: ['capture.js.cache', 'autopsy.js.cache'],
    removable: '/capture.js.cache /autopsy.js.cache',
  });
  expect(seen(imageOf({ captureCode: undefined, autopsyCode: undefined }))).toEqual({
    inImage: [],
    removable: '',
  });
});

/** Of a socket: the kernel makes nothing of a record of this type that has a body (Linux init/initramfs.c, do_header). */
const SOCKET = 0o140000;

describe('a runtime of which the kernel makes no file', () => {
  const imageFor = (kver: string, layout: Layout) => {
    build(DISK, { kver, layout })();
    return readFileSync(join(directory, 'image'));
  };
  const setting = (image: Buffer, name: string) => {
    const all = Buffer.concat([...archivesOf(image)]).toString('latin1');
    return new RegExp(`^${name}=(.*)$`, 'm').exec(all)?.[1];
  };

  test('comes first, where the early stage looks for it in the image that the kernel keeps', () => {
    const image = imageFor('6.12.0', 'self-contained');
    const [runtime] = recordsOf(archivesOf(image)[0]!);
    expect(runtime).toMatchObject({ name: 'runtime.squashfs', mode: SOCKET | 0o644, bodyBytes: 4 });
    expect(setting(image, 'runtime_file')).toBe('/sys/firmware/initrd');
    const at = Number(setting(image, 'runtime_offset'));
    expect(image.toString('latin1', at, at + 4)).toBe('hsqs');
  });

  test('is for kernels that show the image: an older one unpacks it', () => {
    const image = imageFor('6.7.12', 'self-contained');
    const runtime = archivesOf(image)
      .flatMap(recordsOf)
      .find(({ name }) => name === 'runtime.squashfs');
    expect(runtime).toMatchObject({ mode: 0o100644 });
    expect(setting(image, 'runtime_file')).toBe('/runtime.squashfs');
    expect(setting(image, 'runtime_offset')).toBe('0');
  });

  test('is in no lean image, which looks for it where the package installs it', () => {
    const image = imageFor('6.12.0', 'lean');
    expect(image.includes('hsqs')).toBe(false);
    expect(setting(image, 'runtime_file')).toBe('/disk/usr/lib/kdumpling/runtime.squashfs');
  });
});

test.each<[string, Partial<ImageRequest>, boolean]>([
  ['lean', { layout: 'lean' }, true],
  ['that may start again from the disk', { hasRuntimeOnTarget: true }, true],
  ['with all in it', {}, false],
])('an image %s knows the runtime image on the disk by its superblock: %#', (_, more, knows) => {
  const runtime = join(directory, 'runtime-whole');
  const superblock = Buffer.alloc(96, 'superblock ');
  writeFileSync(runtime, Buffer.concat([superblock, Buffer.from('all the rest')]));
  build(DISK, { program: { ...programParts(), runtime }, options: { target: 'UUID=0a-01' }, ...more })();
  const all = Buffer.concat([...archivesOf(readFileSync(join(directory, 'image')))]).toString('latin1');
  const digest = createHash('sha256').update(superblock).digest('hex');
  expect(/^disk_runtime=(.*)$/m.exec(all)?.[1]).toBe(knows ? digest : undefined);
});

describe('a self-contained image', () => {
  const TARGET = { target: 'UUID=0a-01' };
  const inImage = (more: Partial<ImageRequest>) => {
    build(DISK, { options: TARGET, hasRuntimeOnTarget: true, ...more })();
    const all = Buffer.concat([...archivesOf(readFileSync(join(directory, 'image')))]).toString('latin1');
    return {
      isUsed: all.includes('hsqs, but less'),
      canStartAgain: all.includes('again.sh\0') && /^whole_runtime_file=\/disk\/usr/m.test(all),
      modules: /^target_modules='(.*)'$/m.exec(all)?.[1],
      touchedKib: /^touched_kib=(\d+)$/m.exec(all)?.[1],
    };
  };

  test('lacks what captures do not use where the target has it', () =>
    expect(inImage({})).toEqual({
      isUsed: true,
      canStartAgain: true,
      modules: '/modules/virtio_blk.ko',
      touchedKib: '18432',
    }));

  test.each<[string, Partial<ImageRequest>]>([
    ['the target has nothing', { hasRuntimeOnTarget: false }],
    ['nobody has looked', { hasRuntimeOnTarget: undefined }],
    ['the early stage does not find the target', { options: { target: 'PARTUUID=0a-01' } }],
  ])('has the whole Node where %s', (_, more) =>
    expect(inImage(more)).toMatchObject({ isUsed: false, canStartAgain: false }),
  );
});

test('the lean layout is refused for a target that busybox cannot find', () => {
  const options = { target: 'PARTUUID=0a-01' };
  expect(build(DISK, { layout: 'lean', options })).toThrow(/Cannot build a lean initrd for PARTUUID=0a-01/);
});
