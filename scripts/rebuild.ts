/** `kdumpling rebuild`: the dump-capture initrd of this machine, or one for any kernel tree. */
import { type Command, EXIT } from './cli.ts';
import { readConfig } from './config/config.ts';
import { isEnabled } from './feasibility/facts.ts';
import { openHost } from './host.ts';
import { runningKernel } from './kexec/files.ts';
import { ensureHostImage } from './rebuild/host-image.ts';
import { rebuildForTree, TREE_OPTIONS } from './rebuild/tree.ts';

const OPTIONS = {
  ...TREE_OPTIONS,
  force: { short: 'f', help: 'even if nothing changed' },
  'if-enabled': { help: 'only if kdump is enabled on this machine' },
} as const;

export const rebuild: Command<typeof OPTIONS> = {
  name: 'kdumpling rebuild',
  purpose: 'Builds the dump-capture initrd of this machine, or one for any kernel tree.',
  options: OPTIONS,
  async run(given) {
    if (given.modules ?? given.target ?? given.output ?? given.drivers) return rebuildForTree(given);
    const host = openHost();
    if (given['if-enabled'] && !isEnabled(host)) {
      console.log('kdump is not enabled: nothing is built');
      return EXIT.done;
    }
    const kver = given.kver ?? runningKernel(host);
    const settings = readConfig(host, given.config);
    const { path, bytes, rebuilt } = ensureHostImage(host, settings, kver, given.force);
    console.log(`${path}: ${rebuilt ? `${(bytes / 1e6).toFixed(1)} MB` : 'is up to date'}`);
    return EXIT.done;
  },
};
