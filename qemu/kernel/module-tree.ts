/** The module tree of one's own kernel straight from its build directory, or of a kernel that comes alone. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { $ } from 'zx';
import { findCommand } from '../../build/host/host-packages.ts';
import { SystemError } from '../../capture/errors.ts';
import { requireRelease } from './installed-modules.ts';

/** What `make` leaves in the build directory for `make modules_install`. */
const INDEXES = ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'];

/**
 * Lays out the modules that the build directory lists, and indexes them.
 * @param at gets `lib/modules/RELEASE`
 * @param builtIn drivers that are known to be built in
 */
export async function modulesOfBuild(
  build: string,
  at: string,
  release: string,
  builtIn: readonly string[] = [],
): Promise<string> {
  const tree = emptyTree(at, release);
  for (const name of INDEXES.filter(file => existsSync(join(build, file)))) {
    copyFileSync(join(build, name), join(tree, name));
  }
  // A kernel without loadable modules may have no list.
  appendFileSync(join(tree, 'modules.builtin'), listOf(builtIn));
  for (const file of modulesIn(build)) {
    const copy = join(tree, 'kernel', file);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(join(build, file), copy);
  }
  const depmod = findCommand('depmod');
  const output = depmod && (await $({ nothrow: true, quiet: true })`${depmod} -b ${at} ${release}`);
  if (output && output.exitCode === 0) {
    requireRelease(tree, release, {
      action: `use the modules that were built in ${build}`,
      toDo: `Run make -C ${build} to build all of it again`,
    });
    return tree;
  }
  throw new SystemError('NO_DEPMOD', {
    action: `index the modules of ${release}`,
    actual: output ? output.stderr.trim() || 'depmod failed' : 'there is no depmod',
    wanted: 'the host package kmod',
  });
}

/** modules.order has `.o` since 6.4, `kernel/….ko` before (Linux commit f65a486821cf "kbuild: change module.order to list *.o"). */
function modulesIn(build: string): string[] {
  const order = join(build, 'modules.order');
  const lines = existsSync(order) ? readFileSync(order, 'utf8').split('\n') : [];
  return lines
    .filter(line => line !== '')
    .map(line => line.replace(/^kernel\//, '').replace(/\.o$/, '.ko'))
    .filter(file => existsSync(join(build, file)));
}

/** A tree that says which drivers are built in, for an image whose build directory is not at hand. */
export function listedBuiltIns(at: string, release: string, drivers: readonly string[]): string {
  const tree = emptyTree(at, release);
  writeFileSync(join(tree, 'modules.builtin'), listOf(drivers));
  return tree;
}

function listOf(drivers: readonly string[]): string {
  return drivers.map(name => `kernel/${name}.ko\n`).join('');
}

function emptyTree(at: string, release: string): string {
  const tree = join(at, 'lib/modules', release);
  rmSync(at, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  return tree;
}
