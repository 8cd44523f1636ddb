/** A file that should be a kernel: its release and configuration, or by name what it is instead. */
import { Failure } from '../../capture/errors.ts';
import { type LabArch, labArch } from '../machine/arch.ts';
import { arm64Image } from './arm64-image.ts';
import { bzImage } from './bzimage.ts';
import { embeddedConfig } from './embedded-config.ts';
import type { ImageFormat } from './image-format.ts';

/** By Node's name of the architecture. */
export const IMAGE_FORMATS: Readonly<Record<string, ImageFormat>> = { x64: bzImage, arm64: arm64Image };

export function imageFormat({ node }: LabArch = labArch()): ImageFormat {
  return IMAGE_FORMATS[node]!;
}

export interface KernelImage {
  readonly release: string;
  /** The kernel in the image; undefined where nothing here can decompress it. */
  unpacked(): Buffer | undefined;
  /** The text of its .config where it was built with CONFIG_IKCONFIG. */
  config(): string | undefined;
}

/** @param path for the message. @throws Failure NO_KERNEL_IMAGE */
export function readKernelImage(bytes: Buffer, path: string, format = imageFormat()): KernelImage {
  const release = format.is(bytes) ? format.release(bytes) : undefined;
  if (release) return openImage(release, () => format.unpack(bytes));
  const { what, toDo } = otherKind(bytes, format);
  throw new Failure('NO_KERNEL_IMAGE', {
    action: `boot ${path}`,
    actual: what,
    wanted: `${format.name} (${format.built} of a kernel build directory)`,
    toDo,
  });
}

function openImage(release: string, unpack: () => Buffer | undefined): KernelImage {
  let kernel: { readonly bytes: Buffer | undefined } | undefined;
  const unpacked = () => {
    kernel ??= { bytes: unpack() };
    return kernel.bytes;
  };
  return {
    release,
    unpacked,
    config() {
      const bytes = unpacked();
      return bytes && embeddedConfig(bytes);
    },
  };
}

interface OtherKind {
  readonly is: (bytes: Buffer) => boolean;
  readonly what: string;
  readonly toDo?: string;
}

const startsWith = (hex: string) => (bytes: Buffer) => bytes.toString('hex', 0, hex.length / 2) === hex;

/** The first that fits. EFI: Linux drivers/firmware/efi/libstub/zboot-header.S; PE: two letters, as of every EFI program. */
const OTHER_KINDS: readonly OtherKind[] = [
  { is: bytes => bytes.length === 0, what: 'it is empty' },
  {
    is: bytes => bytes.toString('latin1', 0, 8) === '!<arch>\n',
    what: 'it is an archive, such as a Debian package',
    toDo: 'Unpack it with dpkg-deb -x PACKAGE FOLDER, and name FOLDER/boot/vmlinuz-… as --kernel and FOLDER as --modules',
  },
  {
    is: startsWith('7f454c46'),
    what: 'it is an ELF file',
    toDo: 'If it is the vmlinux of a build, name that build’s directory as --kernel, and this file as --vmlinux',
  },
  ...Object.values(IMAGE_FORMATS).map(format => ({
    is: (bytes: Buffer) => format.is(bytes),
    what: `it is ${format.name}, for another architecture or without a version`,
  })),
  {
    is: bytes => bytes.toString('latin1', 4, 8) === 'zimg',
    what: 'it is a compressed EFI program (CONFIG_EFI_ZBOOT)',
  },
  {
    is: startsWith('4d5a'),
    what: 'it is an EFI program without Linux’s boot header, such as a unified kernel image',
    toDo: 'Take the kernel out of one with: objcopy -O binary --only-section=.linux IMAGE KERNEL',
  },
  { is: startsWith('1f8b'), what: 'it is compressed with gzip', toDo: 'Unpack it with gunzip' },
  { is: startsWith('28b52ffd'), what: 'it is compressed with zstd', toDo: 'Unpack it with unzstd' },
  { is: startsWith('fd377a585a00'), what: 'it is compressed with xz', toDo: 'Unpack it with unxz' },
  { is: startsWith('303730373031'), what: 'it is an initrd (a cpio archive)' },
];

function otherKind(bytes: Buffer, { is }: ImageFormat): Omit<OtherKind, 'is'> {
  if (is(bytes)) return { what: 'it does not say its version' };
  return OTHER_KINDS.find(kind => kind.is(bytes)) ?? { what: 'it has no boot header' };
}
