/** Modules as `make modules_install` wrote them, and the kernel release that they are for. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Failure, type What } from '../../capture/errors.ts';
import { openModuleTree, parseDependencies } from '../../initrd/modules.ts';

/** `…/lib/modules/RELEASE` itself, or below what INSTALL_MOD_PATH was. */
export function findModuleTree(directory: string, release: string): string | undefined {
  return placesIn(directory, release).find(isIndexed);
}

/** @throws Failure NO_MODULES, OTHER_MODULES */
export function moduleTreeAt(directory: string, release: string): string {
  const action = `use the modules in ${directory}`;
  const found = findModuleTree(directory, release);
  if (!found) {
    const why = whyNoTree(directory, release);
    throw new Failure('NO_MODULES', { action, ...why, wanted: WANTED });
  }
  requireRelease(found, release, { action, wanted: WANTED });
  return found;
}

/** The kernel loads no module of another release (Linux kernel/module/version.c, same_magic). @throws Failure OTHER_MODULES */
export function requireRelease(tree: string, release: string, what: Omit<What, 'actual'>): void {
  const magic = vermagicOf(tree);
  if (!magic || magic[0] === release) return;
  // With CONFIG_MODVERSIONS the kernel compares each symbol in place of the release: modules that an earlier make built.
  if (magic.includes('modversions') && basename(tree) === release) return;
  const actual = `they are for the kernel ${magic[0]}, and the image is of ${release}`;
  throw new Failure('OTHER_MODULES', { ...what, actual });
}

const WANTED = 'what `make modules_install INSTALL_MOD_PATH=…` wrote for this kernel';

function placesIn(directory: string, release: string): string[] {
  return [directory, join(directory, release), join(directory, 'lib/modules', release)];
}

function isIndexed(place: string): boolean {
  return existsSync(join(place, 'modules.dep'));
}

function whyNoTree(directory: string, release: string): Pick<What, 'actual' | 'toDo'> {
  if (!existsSync(directory)) return { actual: 'there is no such directory' };
  if (existsSync(join(directory, 'lib/modules', release))) {
    const actual = `lib/modules/${release}/ has no modules.dep`;
    return { actual, toDo: `Run depmod -b ${directory} ${release}` };
  }
  const others = [directory, join(directory, 'lib/modules')].flatMap(releasesIn);
  const found = others.length > 0 ? `, only ${others.join(', ')}` : '';
  return { actual: `no modules.dep in it, in ${release}/ or in lib/modules/${release}/${found}` };
}

function releasesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter(name => isIndexed(join(folder, name)));
}

/** The words of a module's vermagic, of which the first is the release. undefined for a tree without modules. */
function vermagicOf(tree: string): string[] | undefined {
  const files = parseDependencies(readFileSync(join(tree, 'modules.dep'), 'utf8')).keys();
  const file = [...files].find(name => existsSync(join(tree, name)));
  if (!file) return undefined;
  const text = openModuleTree(tree).read(file).toString('latin1');
  return /vermagic=([^\0]+)\0/.exec(text)?.[1].trim().split(' ');
}
