/** The completion files, where each shell looks for them in a package of a distribution. */
import { KDUMP_HELPER } from '../../../scripts/lib/cli/program-files.ts';
import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import { completedVerbs } from './words.ts';
import { zshCompletion } from './zsh.ts';

/** Debian's zsh looks into vendor-completions, Fedora's into site-functions. */
export type ZshFolder = 'vendor-completions' | 'site-functions';

/** bash and fish read a file when a command of its name is typed first: link path below /usr/share -> file beside it. */
export const COMPLETION_LINKS: Readonly<Record<string, string>> = {
  [`bash-completion/completions/${KDUMP_HELPER}`]: 'kdumpling',
  [`fish/vendor_completions.d/${KDUMP_HELPER}.fish`]: 'kdumpling.fish',
};

/** Path below /usr/share -> text. */
export async function completionFiles(zsh: ZshFolder): Promise<Map<string, string>> {
  const verbs = await completedVerbs();
  return new Map([
    ['bash-completion/completions/kdumpling', bashCompletion(verbs)],
    [`zsh/${zsh}/_kdumpling`, zshCompletion(verbs)],
    ['fish/vendor_completions.d/kdumpling.fish', fishCompletion(verbs)],
  ]);
}
