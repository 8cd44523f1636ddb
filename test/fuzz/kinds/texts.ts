/** Texts: logs of crashed kernels, /etc/kdump.conf, the options in an image, kernel command lines, serial consoles. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../../build/paths.ts';
import { overrideOptions } from '../../../capture/options/command-line.ts';
import { checkOptions, DEFAULT_OPTIONS } from '../../../capture/options/schema.ts';
import { BEGIN_MARK, ConsoleLog, cutConsoleLog } from '../../../capture/storage/place/console-log.ts';
import { printable } from '../../../capture/text.ts';
import { planCommandLine } from '../../../initrd/command-line.ts';
import { CONFIG_PATH, settingsOf } from '../../../scripts/lib/config/config.ts';
import { readCrashkernel } from '../../../scripts/lib/crashkernel/reading.ts';
import { crashkernelValues, withCrashkernel } from '../../../scripts/lib/crashkernel/words.ts';
import { excessOf } from '../../../scripts/lib/kexec/command-line.ts';
import { reportOf } from '../../../scripts/lib/report/crash-report.ts';
import { reportLines, reportPage } from '../../../scripts/lib/report/text.ts';
import type { Random } from '../../support/random.ts';
import { demand, type Kind, type Outcome, refusedOr } from '../kind.ts';
import { mutateJson } from '../mutate/json.ts';
import { type MutantText, mutateText } from '../mutate/text.ts';

/** A kind of text: valid ones, how they are damaged, and what reads them. */
interface TextRow {
  readonly name: string;
  readonly share: number;
  readonly bases: () => readonly string[];
  readonly mutate: (base: string, random: Random) => MutantText;
  readonly read: (text: string) => Outcome;
}

const byLines = (base: string, random: Random) => mutateText(base, '\n', random);
const byWords = (base: string, random: Random) => mutateText(base, ' ', random);

/** What a person or a journal is shown steers no terminal. */
export function demandPrintable(shown: string): void {
  for (const line of shown.split('\n'))
    demand(printable(line) === line, `a line with control characters: ${JSON.stringify(line.slice(0, 200))}`);
}

const LOGS = join(PROJECT, 'test/unit/scripts/report/logs');

function readLogs(): string[] {
  const logs = globSync('**/*.txt', { cwd: LOGS }).sort();
  return logs.map(name => readFileSync(join(LOGS, name), 'utf8'));
}

function report(log: string): Outcome {
  const dump = {
    id: '20261128T101213Z',
    directory: '/var/crash/20261128T101213Z',
    state: 'complete',
    time: new Date(1_790_000_000_000),
    timeBy: 'clock' as const,
    files: [],
  };
  const made = reportOf(dump, log, 'host');
  demandPrintable(reportPage(made));
  for (const line of reportLines(made)) demandPrintable(line);
  JSON.parse(JSON.stringify(made));
  demand(
    /^[\x20-\x7e]*$/.test(made.signature),
    `a signature with odd characters: ${JSON.stringify(made.signature)}`,
  );
  return 'read';
}

const CONFIG = `# a comment
ext4 UUID=03138356-5e61-4ab3-b58e-27507ac41937
path /var/crash
core_collector makedumpfile -l --message-level 7 -d 31
final_action reboot
failure_action halt
fallback_target xfs /dev/disk/by-label/crash
extra_modules nvme ext4
command_line_append dyndbg="file x +p" quiet
command_line_remove hugepages* isolcpus
keep_free 5%
make_room oldest
max_use 20%
keep_dumps 9
fsck preen
mount_options noatime
stall_timeout 60
shell_timeout 600
device_timeout 30
layout lean
crash_loop 3/10
deadline 900
notify_url https://host.example/hook#part
`;

const COMMAND_LINE =
  'BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-amd64 root=UUID=03138356-5e61-4ab3-b58e-27507ac41937 ro quiet console=ttyS0,115200 ' +
  'crashkernel=512M,high crashkernel=72M,low crashkernel=0-2G:128M,2G-:256M hugepages=64 isolcpus=1-3 mem=4G ' +
  'dyndbg="file drivers/x.c +p; module y +p" kdumpling.dumpLevel=31 kdumpling.path=/var/crash ' +
  'kdumpling.fallbackTargets=ext4:UUID=0313-8356,raw:/dev/vdb kdumpling.keepFree=5% -- single';

const GIVEN_OPTIONS = {
  ...DEFAULT_OPTIONS,
  target: 'UUID=03138356-5e61-4ab3-b58e-27507ac41937',
  fstype: 'ext4',
  modules: ['/modules/ext4.ko'],
};
const IMAGE_OPTIONS = JSON.stringify(GIVEN_OPTIONS);

function readCommandLine(text: string): Outcome {
  const { options, warnings } = overrideOptions(checkOptions(GIVEN_OPTIONS), text);
  checkOptions({ ...options });
  const values = crashkernelValues(text);
  for (const cma of ['unreadable', 'ignored', 'reserved'] as const)
    readCrashkernel(values, { systemRamBytes: 2 ** 33, cma });
  const changed = withCrashkernel(text, ['1G']);
  demand(crashkernelValues(changed).join() === '1G', `after a change: ${crashkernelValues(changed).join()}`);
  demand(
    crashkernelValues(withCrashkernel(text, [])).length === 0,
    'crashkernel= stays after it was taken out',
  );
  const plan = planCommandLine(text, { append: ['a=1'], remove: ['hugepages*'] });
  excessOf(plan);
  return warnings.length > 0 ? 'noticed' : 'read';
}

function consoleLog(): string {
  const lines = ['[    0.1] the crash kernel boots', BEGIN_MARK];
  const log = new ConsoleLog(line => lines.push(line));
  for (let i = 0; i < 30; i++) log.add(`[ ${i}.000000] line ${i} of the crashed kernel`);
  return `${[...lines, log.endMark()].join('\r\n')}\r\n[ 9.9] reboot\r\n`;
}

const CONSOLE = consoleLog();
const CONSOLE_LINES = cutConsoleLog(CONSOLE)!.lines.join('\n');

function readConsole(text: string): Outcome {
  const cut = cutConsoleLog(text);
  if (!cut?.whole) return 'noticed';
  demand(cut.lines.join('\n') === CONSOLE_LINES, 'a log is whole by its end mark, and its lines differ');
  return 'read';
}

const ROWS: readonly TextRow[] = [
  { name: 'log', share: 60, bases: readLogs, mutate: byLines, read: report },
  {
    name: 'config',
    share: 50,
    bases: () => [CONFIG],
    mutate: byLines,
    read(text) {
      checkOptions({ ...GIVEN_OPTIONS, ...settingsOf(text, CONFIG_PATH).options });
      return 'read';
    },
  },
  {
    name: 'image-options',
    share: 50,
    bases: () => [IMAGE_OPTIONS],
    mutate: mutateJson,
    read(text) {
      let given: unknown;
      try {
        given = JSON.parse(text);
      } catch {
        return 'refused'; // the capture says that the file is no JSON, and goes on to its final action
      }
      checkOptions(given as Record<string, unknown>);
      return 'read';
    },
  },
  { name: 'command-line', share: 80, bases: () => [COMMAND_LINE], mutate: byWords, read: readCommandLine },
  { name: 'console-log', share: 80, bases: () => [CONSOLE], mutate: byLines, read: readConsole },
];

export const textKinds: readonly Kind[] = ROWS.map(({ name, share, bases, mutate, read }) => ({
  name,
  share,
  open() {
    const all = bases();
    // The valid ones are: otherwise their mutants would be refused for another reason.
    for (const base of all) demand(read(base) === 'read', `${name}: what should be valid is not`);
    return random => {
      const { labels, text } = mutate(random.pick(all), random);
      return { labels, run: () => refusedOr(() => read(text)) };
    };
  },
}));
