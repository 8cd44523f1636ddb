/** `kdumpling rebuild`: builds the dump-capture initrd of this machine, or one for any kernel tree. */
import { isEnabled } from '../lib/arming/facts.ts';
import { hostCpus } from '../lib/arming/host-reservation.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { readConfig } from '../lib/config/config.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';
import { hostKernel } from '../lib/host/kernel-files.ts';
import { withHostLock } from '../lib/host/lock.ts';
import { ensureHostImage } from '../lib/image/host-image.ts';
import { rebuildForTree, TREE_OPTIONS } from '../lib/image/tree.ts';
import { hostCommandLine, requireLoadable } from '../lib/kexec/command-line.ts';

const OPTIONS = {
  ...TREE_OPTIONS,
  force: { short: 'f', help: 'rebuild even if nothing has changed' },
  'if-enabled': { help: 'do nothing unless kdump is enabled on this machine' },
  ...ROOT_OPTION,
} as const;

export const rebuild: Command<typeof OPTIONS> = {
  name: 'kdumpling rebuild',
  purpose: 'Builds the dump-capture initrd of this machine, or one for any kernel tree.',
  options: OPTIONS,
  async run(given, signal) {
    const host = openGivenHost(given.root);
    if (given.modules ?? given.target ?? given.output ?? given.drivers) return rebuildForTree(host, given);
    if (given['if-enabled'] && !isEnabled(host)) {
      console.log('kdump is not enabled: nothing was built');
      return EXIT.done;
    }
    const kver = given.kver ?? hostKernel(host);
    const settings = readConfig(host, given.config);
    requireLoadable(hostCommandLine(host, settings, hostCpus(host, settings).count));
    const { path, bytes, rebuilt } = await withHostLock(host, signal, () =>
      ensureHostImage(host, settings, kver, given.force),
    );
    console.log(`${path}: ${rebuilt ? `${(bytes / 1e6).toFixed(1)} MB` : 'up to date'}`);
    return EXIT.done;
  },
};
