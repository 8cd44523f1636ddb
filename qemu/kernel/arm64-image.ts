/** An arm64 Image, which is not compressed (Linux Documentation/arch/arm64/booting.rst). */
import type { ImageFormat } from './image-format.ts';

const MAGIC_AT = 0x38;
const MAGIC = 'ARM\x64';

export const arm64Image: ImageFormat = {
  name: 'an arm64 Image',
  built: 'arch/arm64/boot/Image',
  is: bytes => bytes.toString('latin1', MAGIC_AT, MAGIC_AT + 4) === MAGIC,
  // linux_banner (init/version.c). Its format string in the image has no digit there.
  release: bytes => /Linux version (\d\S*) \(/.exec(bytes.toString('latin1'))?.[1],
  unpack: bytes => bytes,
};
