/** The debug symbols of one's own kernel: a vmlinux with DWARF, of the same build as the image. */
import { openSync, statSync } from 'node:fs';
import { readElfFile } from '../../scripts/lib/debug/elf-file.ts';
import type { KernelImage } from './kernel-image.ts';
import { CannotCrash } from './lab-kernel.ts';

/** The head of the note that holds a SHA-1 build id: its name's and its content's sizes, its type, its name (elf(5)). */
const BUILD_ID_NOTE = Buffer.from('040000001400000003000000474e5500', 'hex');

/** @returns the path. @throws CannotCrash NO_SYMBOLS, OTHER_SYMBOLS */
export function symbolsOf(path: string | undefined, image: KernelImage): string {
  const refuse = (actual: string, toDo = 'Name it with --vmlinux PATH', code = 'NO_SYMBOLS') =>
    new CannotCrash(code, {
      action: `find the debug symbols of ${image.release}`,
      actual,
      wanted: 'the vmlinux of the same build',
      toDo,
    });
  if (path === undefined) throw refuse('no path is known');
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw refuse(`there is no file ${path}`);
  const facts = readElfFile(openSync(path, 'r'));
  if (!facts) throw refuse(`${path} is no 64-bit ELF file`);
  if (!facts.hasDwarf) {
    const toDo = 'Build the kernel with CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y';
    throw refuse(`${path} has no debug information (DWARF)`, toDo);
  }
  if (isOtherBuild(facts.buildId, image.unpacked())) {
    const toDo = 'Build both again, or name the vmlinux that belongs to the image';
    throw refuse(`${path} is of another build than the image`, toDo, 'OTHER_SYMBOLS');
  }
  return path;
}

/** The image keeps the build's id: only other sections are removed (Linux arch/x86/boot/compressed/Makefile). */
function isOtherBuild(buildId: string | undefined, kernel: Buffer | undefined): boolean {
  const at = kernel?.indexOf(BUILD_ID_NOTE) ?? -1;
  if (buildId === undefined || !kernel || at < 0) return false;
  return !kernel.includes(Buffer.concat([BUILD_ID_NOTE, Buffer.from(buildId, 'hex')]));
}
