/** `kdumpling mem`: the memory of the crashed machine, as its kernel counted it. */
import { MEMORY_PARTS, memoryAnswer } from '../lib/autopsy/mem.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, DUMP_OPTION, withAutopsyOf } from '../lib/autopsy/open.ts';
import { printAnswer } from '../lib/autopsy/print.ts';
import { type Command, UsageError } from '../lib/cli/command.ts';

const OPTIONS = {
  meminfo: { short: 'i', help: 'what /proc/meminfo had; the default' },
  slab: { short: 's', help: 'slab caches: objects and slabs; all, or those with a name or an address' },
  zones: { short: 'z', help: 'zones: free pages and watermarks' },
  buddy: { short: 'f', help: 'free blocks of each zone, by order' },
  hugetlb: { short: 'H', help: 'pools of huge pages' },
  ...AUTOPSY_OPTIONS,
  // In crash's kmem, -i is the summary.
  dump: DUMP_OPTION,
} as const;

export const mem: Command<typeof OPTIONS> = {
  name: 'kdumpling mem',
  purpose: 'Shows the memory of the crashed machine, as its kernel counted it.',
  positionals: [DUMP_ARGUMENT, '[NAME|ADDRESS]…'],
  options: OPTIONS,
  run: given =>
    withAutopsyOf(given, autopsy => {
      const asked = MEMORY_PARTS.filter(part => given[part]);
      if (autopsy.words.length > 0 && !given.slab) {
        throw new UsageError('USAGE', {
          action: 'run kdumpling mem',
          actual: `${autopsy.words.join(' ')} is no dump, and --slab is not given`,
          wanted: 'a dump, or names of slab caches: kdumpling mem --slab NAME',
        });
      }
      const parts = asked.length > 0 ? asked : (['meminfo'] as const);
      return printAnswer(autopsy, given, memoryAnswer(autopsy.kernel, parts, autopsy.words));
    }),
};
