/** kdump.conf(5): every directive that is obeyed, and every known one that is refused. */
import { DIRECTIVES } from '../../../scripts/lib/config/directives.ts';
import { UNSUPPORTED } from '../../../scripts/lib/config/unsupported.ts';
import type { Definition, Page } from './roff.ts';

export const CONFIG_PAGE: Page = {
  name: 'kdump.conf',
  section: 5,
  manual: 'File Formats',
  summary: 'what kdumpling does at a crash',
  sections: [
    { title: 'Synopsis', blocks: ['`/etc/kdump.conf`'] },
    {
      title: 'Description',
      blocks: [
        'Each line holds a directive and its value. `#` at the start of a line or after a blank begins a comment. Values have no quotes, except those of `command_line_append` and `command_line_remove`. A line that is unknown or not supported is refused with its number and with what to do instead; no line is ignored. Without a line that names a file system, dumps go to the one that holds `path`. Without the file, the defaults apply. `kdumpling import-config` makes one from the configuration of kdump-tools, kdump-utils or SUSE’s kdump.',
        'Changes take effect at the next `kdumpling load`, which rebuilds the initrd.',
      ],
    },
    {
      title: 'Directives',
      blocks: [
        {
          definitions: DIRECTIVES.map(({ name, value, does }) => ({
            term: `\`${name}\` ${value}`,
            text: [asSentence(does)],
          })),
        },
      ],
    },
    {
      title: 'Refused directives',
      blocks: [
        'These directives of other kdump.conf files are refused. A configuration that is half obeyed would only be found out at the crash.',
        { definitions: refusals() },
      ],
    },
    {
      title: 'Examples',
      blocks: [
        {
          example: [
            'ext4 UUID=498f2c98-9b1e-4876-811e-26448d28747f',
            'path /var/crash',
            'core_collector makedumpfile -z -d 31',
            'fallback_target xfs LABEL=spare',
            'failure_action shell',
            'keep_dumps 5',
          ],
        },
      ],
    },
    { title: 'See also', blocks: ['kdumpling(8), kdumpling-capture(7), makedumpfile(8), fstab(5)'] },
  ],
};

/** Directives with the same answer stand together. */
function refusals(): Definition[] {
  const answers = Map.groupBy(Object.entries(UNSUPPORTED), ([, answer]) => answer);
  return [...answers].map(([answer, entries]) => ({
    term: entries.map(([name]) => `\`${name}\``).join(', '),
    text: [asSentence(answer)],
  }));
}

function asSentence(text: string): string {
  const sentence = `${text[0]!.toUpperCase()}${text.slice(1)}`;
  return /[.…]$/.test(sentence) ? sentence : `${sentence}.`;
}
