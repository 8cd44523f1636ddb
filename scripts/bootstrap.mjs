// The one file that plain Node 20 runs: `npm start` on a machine with nothing installed begins here.
// It installs the npm packages if package-lock.json has changed since the last time, and then runs the given
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
  // No package here needs its install script, and versions of npm differ in whether they run such scripts.
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (npm.status !== 0) {
    fail(
      'Cannot install the npm packages: `npm ci` failed (see above). Check that npm is installed and its registry can be reached',
    );
  }
  if (!existsSync(join(bin, 'node'))) {
    fail(
      `Cannot find the pinned Node in node_modules: there is no package for ${process.platform}-${process.arch}; expected linux-x64 or linux-arm64`,
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
// The child cleans up and decides when to end. From a terminal it gets Ctrl-C twice, which does no harm.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
child.on('error', error => fail(`Cannot start ${command}: ${error.message}`));
