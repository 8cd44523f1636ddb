/** The completion files, where each shell looks for them in a package of a distribution. */
import { KDUMP_HELPER } from '../../../scripts/verb-table.ts';
import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import { completedVerbs } from './words.ts';
import { zshCompletion } from './zsh.ts';

/** Debian's zsh looks into vendor-completions, Fedora's into site-functions. */
export type ZshFolder = 'vendor-completions' | 'site-functions';

/** Path below /usr/share -> text. */
export async function completionFiles(zsh: ZshFolder): Promise<Map<string, string>> {
  const verbs = await completedVerbs();
  const bash = bashCompletion(verbs);
  const fish = fishCompletion(verbs);
  // bash and fish read a file when a command of its name is typed first.
  return new Map([
    ['bash-completion/completions/kdumpling', bash],
    [`bash-completion/completions/${KDUMP_HELPER}`, bash],
    [`zsh/${zsh}/_kdumpling`, zshCompletion(verbs)],
    ['fish/vendor_completions.d/kdumpling.fish', fish],
    [`fish/vendor_completions.d/${KDUMP_HELPER}.fish`, fish],
  ]);
}
