/** Which Debian package a file of this machine comes from. */
import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { findCommand } from '../host/host-packages.ts';

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** File -> package. A file that no package owns is left out, and all are where there is no dpkg. */
export function packagesOf(files: readonly string[]): Map<string, DebianPackage> {
  const owners = ownersOf(files.flatMap(namesOf));
  const packages = installed([...new Set(owners.values())]);
  const found = files.map(file => {
    const owner = namesOf(file)
      .map(name => owners.get(name))
      .find(each => each !== undefined);
    return [file, owner && packages.get(owner)] as const;
  });
  return new Map(found.filter((entry): entry is readonly [string, DebianPackage] => entry[1] !== undefined));
}

/** dpkg knows a file by the name that its package had for it: before or after the merge of / and /usr. */
function namesOf(file: string): string[] {
  const real = realpathSync(file);
  const names = [file, real].flatMap(name => [name, name.replace(/^\/usr/, ''), `/usr${name}`]);
  return [...new Set(names)];
}

/** File -> `name:architecture`. */
function ownersOf(files: readonly string[]): Map<string, string> {
  const lines = run('dpkg', ['-S', ...files]).matchAll(/^([^\s:]+(?::\w+)?): (\/.*)$/gm);
  return new Map([...lines].map(([, owner, file]) => [file!, owner!]));
}

function installed(names: readonly string[]): Map<string, DebianPackage> {
  if (names.length === 0) return new Map();
  const format = `${['Package', 'Version', 'Architecture'].map(field => `\${${field}}`).join('\t')}\n`;
  const lines = run('dpkg-query', ['-W', `-f=${format}`, ...names])
    .split('\n')
    .filter(line => line !== '');
  const packages = lines.map(line => {
    const [name, version, architecture] = line.split('\t');
    return { name: name!, version: version!, architecture: architecture! };
  });
  return new Map(
    names.flatMap(given => {
      const [name, architecture] = given.split(':');
      const found = packages.find(
        each => each.name === name && (architecture === undefined || each.architecture === architecture),
      );
      return found ? [[given, found] as const] : [];
    }),
  );
}

/** dpkg -S ends with 1 when it does not know one of the files, and prints the others. */
function run(command: string, args: readonly string[]): string {
  const path = findCommand(command);
  return path ? spawnSync(path, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).stdout : '';
}
