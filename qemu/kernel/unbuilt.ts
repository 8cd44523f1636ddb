/** A directory that was named as a kernel but has no image where a build leaves one: what it is, and what to do about it. */
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { platformNamed } from '../../build/parts/platform.ts';
import { Failure } from '../../capture/errors.ts';
import type { ImageFormat } from './image-format.ts';
import { IMAGE_FORMATS } from './kernel-image.ts';

/** What the directory is. The texts follow "there is no arch/x86/boot/bzImage". */
interface Finding {
  readonly what: string;
  readonly toDo?: string;
}

type Look = (directory: string, format: ImageFormat) => Finding | undefined;

/** More than the header of any image. */
const HEAD_BYTES = 4096;
/** Where an installed kernel's image is, below the directory that was named. */
const IMAGE_FOLDERS = ['', 'boot', 'arch/x86/boot', 'arch/arm64/boot'];

const anotherArchitecture: Look = (directory, format) => {
  const other = Object.entries(IMAGE_FORMATS).find(
    ([, { built }]) => built !== format.built && existsSync(join(directory, built)),
  );
  if (!other) return undefined;
  const [node, { built }] = other;
  return { what: `, but there is ${built}`, toDo: `Add --arch ${platformNamed(node).debian}` };
};

const loneImage: Look = (directory, format) => {
  const images = IMAGE_FOLDERS.flatMap(folder => imagesIn(join(directory, folder), format));
  const newest = images.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
  if (newest === undefined) return undefined;
  return { what: `, but there is ${newest}`, toDo: `Name the image itself: --kernel ${newest}` };
};

const notYetBuilt: Look = (directory, { built }) =>
  has(directory, 'Makefile') && has(directory, '.config')
    ? {
        what: '; it is configured and not built',
        toDo: `Run make -C ${directory} ${basename(built)} modules`,
      }
    : undefined;

const notConfigured: Look = (directory, { built }) =>
  has(directory, 'Makefile') && has(directory, 'Kconfig')
    ? {
        what: '; it is a kernel’s source without a .config',
        toDo: `Configure it, and run make -C ${directory} ${basename(built)} modules; or name the directory that O= was`,
      }
    : undefined;

const modulesOnly: Look = directory =>
  has(directory, 'lib/modules') || has(directory, 'modules.dep')
    ? {
        what: '; it holds kernel modules',
        toDo: `Name it as --modules ${directory}, and the kernel’s image as --kernel`,
      }
    : undefined;

/** The first that finds something. */
const LOOKS: readonly Look[] = [
  anotherArchitecture,
  loneImage,
  notYetBuilt,
  notConfigured,
  modulesOnly,
  directory => (readdirSync(directory).length === 0 ? { what: '; it is empty' } : undefined),
];

export function noImageIn(directory: string, format: ImageFormat): Failure {
  const found = LOOKS.map(look => look(directory, format)).find(finding => finding !== undefined);
  return new Failure('NO_KERNEL_IMAGE', {
    action: `boot the kernel in ${directory}`,
    actual: `there is no ${format.built}${found?.what ?? ''}`,
    wanted: `a directory in which \`make ${basename(format.built)} modules\` has run`,
    toDo: found?.toDo,
  });
}

function has(directory: string, name: string): boolean {
  return existsSync(join(directory, name));
}

function imagesIn(folder: string, format: ImageFormat): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(name => /^(vmlinu|bzImage|Image|kernel)/.test(name))
    .map(name => join(folder, name))
    .filter(path => statSync(path, { throwIfNoEntry: false })?.isFile() && format.is(headOf(path)));
}

function headOf(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}
