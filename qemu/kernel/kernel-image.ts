/** A file that should be a kernel: its release and configuration, or by name what it is instead. */
import { Failure } from '../../capture/errors.ts';
import { type LabArch, labArch } from '../machine/arch.ts';
import { arm64Image } from './arm64-image.ts';
import { bzImage } from './bzimage.ts';
import type { ImageFormat } from './image-format.ts';

/** By Node's name of the architecture. */
const FORMATS: Readonly<Record<string, ImageFormat>> = { x64: bzImage, arm64: arm64Image };

export function imageFormat({ node }: LabArch = labArch()): ImageFormat {
  return FORMATS[node]!;
}

export interface KernelImage {
  readonly release: string;
  config(): string | undefined;
}

/** @param path for the message. @throws Failure NO_KERNEL_IMAGE */
export function readKernelImage(bytes: Buffer, path: string, format = imageFormat()): KernelImage {
  const release = format.is(bytes) ? format.release(bytes) : undefined;
  if (release) return { release, config: () => format.config(bytes) };
  const { what, toDo } = otherKind(bytes, format);
  throw new Failure('NO_KERNEL_IMAGE', {
    action: `boot ${path}`,
    actual: what,
    wanted: `${format.name} (${format.built} of a kernel build directory)`,
    toDo,
  });
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
    is: startsWith('7f454c46'),
    what: 'it is an ELF file',
    toDo: 'If it is the vmlinux of a build, name that build’s directory as --kernel, and this file as --vmlinux',
  },
  ...Object.values(FORMATS).map(format => ({
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
