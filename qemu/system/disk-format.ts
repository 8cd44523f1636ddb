/** What kind of file a system image is: the formats that QEMU reads, and files that are none of them. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { Failure } from '../../capture/errors.ts';

interface Magic {
  readonly offset: number;
  /** In hexadecimal. */
  readonly bytes: string;
}

/** QEMU's names for formats (its block/ drivers); a file without any of their magics is raw. */
const FORMATS: readonly { readonly name: string; readonly magic: Magic }[] = [
  { name: 'qcow2', magic: { offset: 0, bytes: '514649fb' } },
  { name: 'qed', magic: { offset: 0, bytes: '51454400' } },
  { name: 'vmdk', magic: { offset: 0, bytes: '4b444d56' } },
  { name: 'vhdx', magic: { offset: 0, bytes: '7668647866696c65' } },
  { name: 'vpc', magic: { offset: 0, bytes: '636f6e6563746978' } },
  { name: 'vdi', magic: { offset: 0x40, bytes: '7f10dabe' } },
];

interface OtherFile {
  readonly what: string;
  readonly magic: Magic;
  readonly toDo: string;
}

const OTHER_FILES: readonly OtherFile[] = [
  { what: 'it is compressed with gzip', magic: { offset: 0, bytes: '1f8b' }, toDo: 'Unpack it with gunzip' },
  {
    what: 'it is compressed with xz',
    magic: { offset: 0, bytes: 'fd377a585a00' },
    toDo: 'Unpack it with unxz',
  },
  {
    what: 'it is compressed with zstd',
    magic: { offset: 0, bytes: '28b52ffd' },
    toDo: 'Unpack it with unzstd',
  },
  {
    what: 'it is compressed with bzip2',
    magic: { offset: 0, bytes: '425a68' },
    toDo: 'Unpack it with bunzip2',
  },
  {
    what: 'it is a ZIP archive',
    magic: { offset: 0, bytes: '504b0304' },
    toDo: 'Unpack it with unzip',
  },
  {
    what: 'it is a tar archive',
    magic: { offset: 257, bytes: '7573746172' },
    toDo: 'Make an image of its files: mke2fs -t ext4 -d FOLDER IMAGE 4G',
  },
  {
    what: 'it is an ELF file',
    magic: { offset: 0, bytes: '7f454c46' },
    toDo: 'A kernel is named with --kernel',
  },
  {
    what: 'it is an installation medium (ISO 9660)',
    magic: { offset: 0x8001, bytes: '4344303031' },
    toDo: 'Install it to a disk first',
  },
];

const HEAD_BYTES = 0x8100;
/** No file system with a system fits into less. */
const LEAST_BYTES = 1 << 20;
const WANTED = `the image of a disk: raw, ${FORMATS.map(({ name }) => name).join(', ')}`;

/** QEMU's name for the image's format. @throws Failure NO_IMAGE, BAD_IMAGE */
export function diskFormatOf(path: string): string {
  const action = `boot the system image ${path}`;
  const facts = statSync(path, { throwIfNoEntry: false });
  if (!facts) throw new Failure('NO_IMAGE', { action, actual: 'there is no such file', wanted: WANTED });
  if (facts.isDirectory()) {
    const toDo = 'Make an image of its files: mke2fs -t ext4 -d FOLDER IMAGE 4G';
    throw new Failure('BAD_IMAGE', { action, actual: 'it is a folder', wanted: WANTED, toDo });
  }
  const head = headOf(path);
  const has = ({ offset, bytes }: Magic) => head.toString('hex', offset, offset + bytes.length / 2) === bytes;
  const format = FORMATS.find(({ magic }) => has(magic));
  if (format) return format.name;
  const other = OTHER_FILES.find(({ magic }) => has(magic));
  if (other) throw new Failure('BAD_IMAGE', { action, actual: other.what, wanted: WANTED, toDo: other.toDo });
  if (facts.isFile() && facts.size < LEAST_BYTES) {
    throw new Failure('BAD_IMAGE', { action, actual: `it has ${facts.size} bytes`, wanted: WANTED });
  }
  return 'raw';
}

function headOf(path: string): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  const file = openSync(path, 'r');
  try {
    return head.subarray(0, readSync(file, head, 0, head.length, 0));
  } finally {
    closeSync(file);
  }
}
