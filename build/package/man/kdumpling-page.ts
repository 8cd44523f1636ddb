/** kdumpling(8): every verb with its options, from the tables that `kdumpling VERB --help` prints. */
import { EXIT, EXIT_MEANINGS } from '../../../scripts/lib/cli/command.ts';
import { type CommandFacts, optionRows, usageLine } from '../../../scripts/lib/cli/help.ts';
import { KDUMP_HELPER } from '../../../scripts/lib/cli/program-files.ts';
import { TOKEN_VARIABLE } from '../../../scripts/lib/upload/headers.ts';
import { ALIASES, KDUMP_HELPER_VERBS, VERB_GROUPS } from '../../../scripts/verb-table.ts';
import type { Block, Definition, Page } from './roff.ts';

export async function kdumplingPage(): Promise<Page> {
  return {
    name: 'kdumpling',
    aliases: [KDUMP_HELPER],
    section: 8,
    manual: 'System Administration',
    summary: 'captures kernel crashes to this machine’s own disk',
    sections: [
      {
        title: 'Synopsis',
        blocks: ['`kdumpling` VERB [OPTION]… [ARGUMENT]…', '`kdumpling` VERB `--help`'],
      },
      {
        title: 'Description',
        blocks: [
          'After a kernel panic, the crash kernel boots in a small reservation of memory, with kdumpling as its PID 1. It saves the crashed kernel’s log and memory to the machine’s own disk and reboots; see kdumpling-capture(7). This command arms and disarms the machine, and works on the dumps.',
          'Installing the package arms nothing. `kdumpling enable` does, and the next boot reserves the memory.',
        ],
      },
      { title: 'Verbs', blocks: (await Promise.all(VERB_GROUPS.map(groupBlocks))).flat() },
      {
        title: 'Dumps',
        blocks: [
          'ID names a dump: the name of its directory, or the beginning of that name if no other dump begins so.',
          'Verbs that read a dump take the last one where none is given. Those that also have tasks, symbols or types as arguments take an argument for the dump when it begins with `/`, `./` or `../`, has the form of an ID (a date of eight digits at least), or is the name of a dump, or of a directory with one, below the working directory. `--dump` names the dump where that is not what is meant.',
        ],
      },
      { title: 'Images and rescued disks', blocks: ROOT },
      { title: 'Upload', blocks: UPLOAD },
      {
        title: KDUMP_HELPER,
        blocks: [
          `Called as \`${KDUMP_HELPER}\`, the program has the verbs of Container-Optimized OS: ${KDUMP_HELPER_VERBS.map(name => `\`${name}\``).join(', ')}. \`show\` then ends with 0 whatever it finds.`,
        ],
      },
      {
        title: 'Exit status',
        blocks: [
          {
            definitions: Object.entries(EXIT_MEANINGS).map(([name, meaning]) => ({
              term: `\`${EXIT[name as keyof typeof EXIT]}\``,
              text: [`${meaning[0]!.toUpperCase()}${meaning.slice(1)}.`],
            })),
          },
          'A reader that closes the pipe early, like head(1), is no failure.',
        ],
      },
      { title: 'Environment', blocks: [{ definitions: ENVIRONMENT }] },
      { title: 'Files', blocks: [{ definitions: FILES }] },
      {
        title: 'Examples',
        blocks: [
          'Arm a machine and try it:',
          { example: ['kdumpling enable', 'reboot', 'kdumpling show', 'kdumpling test'] },
          'After a crash:',
          {
            example: [
              'kdumpling list',
              'kdumpling report',
              'kdumpling report --html > crash.html',
              'kdumpling verify 20261126',
              'kdumpling upload 20261126 https://bucket.example/crashes/',
            ],
          },
          'A smaller dump from a copy of a vmcore:',
          { example: ['kdumpling dump -z -d 31 vmcore out'] },
        ],
      },
      {
        title: 'See also',
        blocks: [
          'kdump.conf(5), kdumpling-json(5), kdumpling-capture(7), crash(8), makedumpfile(8), kexec(8)',
        ],
      },
    ],
  };
}

const ENVIRONMENT: readonly Definition[] = [
  { term: `\`${TOKEN_VARIABLE}\``, text: ['A bearer token for `upload` and for `notify_url`.'] },
  {
    term: '`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`',
    text: ['The proxy for `upload` and for `notify_url`.'],
  },
];

const FILES: readonly Definition[] = [
  { term: '`/etc/kdump.conf`', text: ['The configuration; see kdump.conf(5).'] },
  { term: '`/var/crash`', text: ['The dumps, unless the configuration names another path.'] },
  {
    term: '`/var/lib/kdumpling`',
    text: ['What `disable` needs to undo `enable`, and which crashes were reported.'],
  },
  {
    term: '`/etc/default/kdumpling`',
    text: [`Environment of \`kdumpling-report.service\`, for example \`${TOKEN_VARIABLE}\`.`],
  },
  { term: '`/usr/lib/kdumpling`', text: ['The program and its runtime.'] },
];

const ROOT: readonly Block[] = [
  'With `--root` DIR a verb works on the machine whose root directory is mounted on DIR. Links are resolved below DIR, and commands of that machine are run with chroot(8). An image builder arms an image so:',
  {
    example: ['mount /dev/loop0p1 /mnt', 'kdumpling enable --root /mnt', 'kdumpling show --root /mnt'],
  },
  'The newest kernel of the image is armed, with the drivers of all common disks and with memory for machines of any size. The first boot loads the crash kernel and makes an initrd for its own disk. Where DIR is no mount point, kdump.conf must name the target. Verbs about the running kernel refuse `--root`.',
];

const UPLOAD: readonly Block[] = [
  '`upload` sends exactly as many bytes as it announces, with the SHA-256 of the content in `Repr-Digest` (RFC 9530). A URL that ends in `/` gets the name of the object.',
  {
    definitions: [
      {
        term: 'S3, Azure',
        text: [
          'Use a presigned URL for PUT. No header is sent that was not signed; Azure’s `x-ms-blob-type` needs no signature.',
        ],
      },
      {
        term: 'Google Cloud Storage',
        text: [
          'Use a presigned URL for PUT, a URL signed for `x-goog-resumable`, or the URL of a session (`upload_id=`). Sessions resume where they were cut, also when the command runs again.',
        ],
      },
      { term: 'WebDAV', text: ['PUT. An upload that was cut starts again from its beginning.'] },
      {
        term: 'a table of crashes',
        text: [
          'A path with `{hive}` names reports as Hive partitions a table: `date=2026-11-26/signature=SIGNATURE/HOST-ID.json`. `upload --report --json` and `notify_url` put them there, one line of JSON each, as `report --json` prints it. Athena, BigQuery, Trino, Spark and DuckDB read the folder as one table; `scripts/deploy/fleet.sql` in the sources has its queries. Where a host or an ID has other characters than letters, digits, `.`, `_` and `-`, they are escaped as `%2F`.',
        ],
      },
      {
        term: 'a ticket system or a chat',
        text: ['POST. `notify_url` adds a `text` that the hooks of Slack and Mattermost show.'],
      },
    ],
  },
  'Connection failures, stalls and the answers 408, 425, 429, 500, 502, 503 and 504 are tried again, with pauses that double or that Retry-After asks for. Redirects 307 and 308 are followed, with the user’s headers only to the same server; other redirects are refused. Certificates are always checked.',
  'A URL with a user or a password in it is refused, because other users see the arguments of a command. No message shows the query of a URL.',
];

async function groupBlocks({ title, verbs }: (typeof VERB_GROUPS)[number]): Promise<Block[]> {
  const definitions = await Promise.all(
    Object.entries(verbs).map(async ([name, load]) => verbDefinition(name, await load())),
  );
  return [{ subsection: title }, { definitions }];
}

function verbDefinition(name: string, command: CommandFacts): Definition {
  const aliases = Object.keys(ALIASES).filter(alias => ALIASES[alias] === name);
  const [words, rest] = usageLine(command).split(' [OPTION]…');
  const also = aliases.map(alias => ` The same as \`kdumpling ${alias}\`.`);
  return {
    term: `\`${words}\` [OPTION]…${rest}`,
    text: [`${command.purpose}${also.join('')}`],
    nested: optionRows(command.options)
      .filter(({ flags }) => !flags.includes('--help') && (flags.length > 1 || flags[0] !== '--version'))
      .map(({ flags, value, text }) => ({
        term: `${flags.map(flag => `\`${flag}\``).join(', ')}${value ? ` ${value}` : ''}`,
        text: [`${text[0]!.toUpperCase()}${text.slice(1)}.`],
      })),
  };
}
