/**
 * Fedora CoreOS: deployments that ostree makes. `rpm-ostree kargs` is imitated, by the functions of libostree that it calls:
 * Debian has no rpm-ostree.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Tool } from '../../../build/fetch/tools.ts';
import { makeRealRoot, type RealRoot } from '../../support/real-root.ts';
import { KVER, optionsOf, type System } from './system.ts';

/** @param tool gives ostree's package. */
export function rpmOstree(tool: () => Tool): System {
  const ostree = (host: RealRoot, ...args: string[]) => {
    const [command, ...rest] = [...tool().argv, ...args];
    return execFileSync(command, rest, { cwd: host.root, encoding: 'utf8', stdio: 'pipe' });
  };
  /** Of the deployment that boots next, as `rpm-ostree kargs` says it. */
  const current = (host: RealRoot) =>
    optionsOf(host)
      .at(-1)!
      .replace(/ ostree=\S+/, '');
  const changed = (options: string, flags: readonly string[]) => {
    const { root, argv } = tool();
    const [loader, flag, libraries] = argv as readonly [string, string, string];
    const python = [flag, libraries, join(root, 'usr/bin/python3')];
    const script = join(import.meta.dirname, 'kernel_args.py');
    return execFileSync(loader, [...python, script, options, ...flags], {
      encoding: 'utf8',
      stdio: 'pipe',
      env: { PYTHONHOME: join(root, 'usr') },
    }).trim();
  };
  const deploy = (host: RealRoot, options: string) => {
    const words = options.split(' ').map(word => `--karg-append=${word}`);
    ostree(host, 'admin', '--sysroot=.', 'deploy', '--os=fedora-coreos', '--karg-none', ...words, 'stable');
  };
  const kargs = (host: RealRoot, flags: readonly string[]) => {
    if (flags.length > 0) deploy(host, changed(current(host), flags));
    return `${current(host)}\n`;
  };
  return {
    name: 'rpm-ostree kargs',
    machine(value) {
      const host: RealRoot = makeRealRoot(
        {
          '/run/ostree-booted': '',
          [`/tree/usr/lib/modules/${KVER}/vmlinuz`]: 'MZ',
          [`/tree/usr/lib/modules/${KVER}/initramfs.img`]: 'initrd',
          '/tree/usr/lib/os-release': 'ID=fedora\nPRETTY_NAME="Fedora CoreOS 39"\n',
          '/tree/usr/etc/os-release': '-> ../lib/os-release',
        },
        {},
        {
          'rpm-ostree'(_, [, ...flags]) {
            try {
              return { status: 0, stdout: kargs(host, flags), stderr: '' };
            } catch (error) {
              return { status: 1, stdout: '', stderr: (error as { stderr: string }).stderr };
            }
          },
        },
      );
      ostree(host, 'admin', 'init-fs', '.');
      ostree(host, 'admin', '--sysroot=.', 'os-init', 'fedora-coreos');
      ostree(host, '--repo=ostree/repo', 'commit', '-b', 'stable', '--tree=dir=tree');
      const own = value ? ` crashkernel=${value}` : '';
      deploy(host, `root=UUID=1 rw${own} ignition.platform.id=qemu console=tty0 console=ttyS0,115200n8`);
      return host;
    },
    state: current,
    commandLines: host => [current(host)],
    addWord: (host, word) => void host.must('rpm-ostree', 'kargs', `--append-if-missing=${word}`),
  };
}
