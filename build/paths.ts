/** Paths of the project and of the files that builds start from. */
import { join } from 'node:path';

export const PROJECT = join(import.meta.dirname, '..');
export const DIST = join(PROJECT, 'dist');

const { arch } = process;
/** The pinned Node: the official binary, from an npm package. */
export const NODE_BINARY = join(PROJECT, 'node_modules', `node-linux-${arch}`, 'bin', 'node');
export const KOFFI_BINARY = join(
  PROJECT,
  'node_modules/@koromix',
  `koffi-linux-${arch}`,
  `linux_${arch}`,
  'koffi.node',
);
