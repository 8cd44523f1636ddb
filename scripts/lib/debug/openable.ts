/** Whether a debugger can open the file of a dump as it is stored, and if not, what makes it one that it can. */
import { closeSync, readSync } from 'node:fs';
import { type Failure, TargetError } from '../../../capture/errors.ts';
import { openRegular } from '../../../capture/storage/place/open-regular.ts';
import { readDumpHead } from '../dumps/dump-file.ts';

interface Encryption {
  readonly tool: string;
  /** Fits the beginning of the file, as latin1. */
  readonly head: RegExp;
  /** Fits the name of a file whose beginning says nothing. */
  readonly name?: RegExp;
  readonly decrypt: (path: string, plain: string) => string;
}

const ENCRYPTIONS: readonly Encryption[] = [
  {
    tool: 'age',
    head: /^(age-encryption\.org\/|-----BEGIN AGE ENCRYPTED FILE-----)/,
    decrypt: (path, plain) => `age -d -i KEY -o ${plain} ${path}`,
  },
  {
    tool: 'gpg',
    head: /^-----BEGIN PGP MESSAGE-----/,
    name: /\.(gpg|pgp)$/,
    decrypt: (path, plain) => `gpg -o ${plain} -d ${path}`,
  },
  {
    tool: 'openssl',
    head: /^Salted__/,
    decrypt: (path, plain) => `openssl enc -d -CIPHER -pbkdf2 -in ${path} -out ${plain}`,
  },
];

const HEAD_BYTES = 64;

/** @param path of the dump. @param name that the user knows it by. @throws TargetError */
export function requireOpenable(path: string, name: string): void {
  const { format, compressor, isEmpty } = readDumpHead(path);
  const refuse = (actual: string, toDo?: string): Failure =>
    new TargetError('NOT_OPENABLE', { action: `debug ${name}`, actual, ...(toDo && { toDo }) });
  const then = (verb: string, command: string, result: string) =>
    `${verb} it: ${command}; then: kdumpling debug ${result}`;
  const plain = path.replace(/\.(zst|gz|bz2|xz|lz4|age|gpg|pgp|asc|enc)$/, '');
  const target = plain === path ? `${path}.plain` : plain;
  if (compressor !== undefined) {
    const command = `${compressor} -dc ${path} > ${target}`;
    throw refuse(
      `it is compressed with ${compressor}, which no debugger opens`,
      then('decompress', command, target),
    );
  }
  if (format !== undefined) return;
  if (isEmpty) throw refuse('it is empty');
  const head = headOf(path);
  const encryption = ENCRYPTIONS.find(one => one.head.test(head) || one.name?.test(path));
  if (!encryption) throw refuse('it is neither kdump-compressed, an ELF core nor flattened');
  throw refuse(
    `it is encrypted with ${encryption.tool}`,
    then('decrypt', encryption.decrypt(path, target), target),
  );
}

function headOf(path: string): string {
  const fd = openRegular(path);
  try {
    const bytes = Buffer.alloc(HEAD_BYTES);
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}
