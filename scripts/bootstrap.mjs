// The one file that plain Node 20 runs: `npm start` on a machine with nothing installed begins here.
// It installs the npm packages when package-lock.json asks for others than are there, and then runs the given
// TypeScript file on the pinned Node (node_modules/.bin/node, from the npm package node-linux-<arch>).
//
//   node scripts/bootstrap.mjs FILE.ts [ARG...]
//   node scripts/bootstrap.mjs --bin TOOL [ARG...]     a tool of node_modules/.bin
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
const stamp = join(root, 'node_modules', '.kdumpling-lock');

function installPackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && existsSync(join(bin, 'node'))) return;
  console.error('installing npm packages (npm ci) …');
  // Nothing we use needs its install script, and npm versions differ in whether they run them.
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (npm.status !== 0) {
    fail(
      'Cannot install the npm packages: `npm ci` failed (see above); it needs npm and its registry reachable',
    );
  }
  if (!existsSync(join(bin, 'node'))) {
    fail(
      `Cannot find the pinned Node in node_modules: no package for ${process.platform}-${process.arch}; wanted linux-x64`,
    );
  }
  writeFileSync(stamp, wanted);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

installPackages();
const args = process.argv.slice(2);
const [command, ...rest] =
  args[0] === '--bin'
    ? [join(bin, args[1]), ...args.slice(2)]
    : [join(bin, 'node'), join(root, args[0]), ...args.slice(1)];
const child = spawn(command, rest, {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
});
// The child cleans up and decides when it is over. From a terminal it hears Ctrl-C twice, which is all the same to it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
child.on('error', error => fail(`Cannot start ${command}: ${error.message}`));
