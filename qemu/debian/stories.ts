/**
 * What a new user does on a Debian, with our package and with Debian's kdump-tools: install, reboot, look, crash, look. Each
 * story yields checks with what was seen, and measurements.
 */
import { badValue, oneOf } from '../../scripts/lib/cli/command.ts';
import { type NotOn, possibleOn } from '../kernel/misfit.ts';
import { BOOT_SECONDS, begin, INSTALL_SECONDS, reboot, settled, updateKernel } from './boots.ts';
import {
  type Capture,
  crashAnew,
  isCaptured,
  measureAfter,
  measureBefore,
  runningKernel,
} from './capture.ts';
import { crash } from './crash.ts';
import type { Guest } from './machine.ts';
import { KDUMP_TOOLS, KDUMP_TOOLS_NOT_ON, KDUMPLING, kdumpling, type Peer } from './peers.ts';
import { listFiles, traces } from './traces.ts';

export interface Story {
  readonly name: string;
  readonly purpose: string;
  /** Architectures that cannot have it, with the reason. */
  readonly notOn?: NotOn;
  /** @param runs crashes of each kind that gives times: the first is looked at, the others are only measured. */
  run(guest: Guest, teller: Teller, runs: number): Promise<void>;
}

/** Collects what a story finds, and prints it. */
export interface Teller {
  check(what: string, holds: boolean, saw: string): void;
  capture(capture: Capture): void;
  say(line: string): void;
}

export const STORIES: readonly Story[] = [
  { name: KDUMPLING, purpose: 'our package, with a kernel update in between, and its removal', run: ours },
  {
    name: 'kdump-tools',
    purpose: 'Debian’s own, the same machine and the same crash',
    notOn: KDUMP_TOOLS_NOT_ON,
    run: kdumpTools,
  },
];

export const namesOf = (all: readonly Named[]) => all.map(({ name }) => name);

type Named = Pick<Story, 'name' | 'notOn'>;

/** All that the architecture can have, or of them those that were asked for. @throws UsageError */
export function chooseStories<T extends Named>(
  all: readonly T[],
  architecture: string,
  only: readonly string[],
): readonly T[] {
  const possible = possibleOn(architecture);
  if (only.length === 0) return all.filter(possible);
  const asked = only.map(name => oneOf('only', name, namesOf(all)));
  const chosen = all.filter(({ name }) => asked.includes(name));
  const missing = chosen.find(story => !possible(story));
  if (!missing) return chosen;
  throw badValue('only', missing.name, `another story on ${architecture}: ${missing.notOn![architecture]}`);
}

async function ours(guest: Guest, teller: Teller, runs: number): Promise<void> {
  const { agent } = guest;
  await begin(guest);
  // Dependencies are not traces of the package: installed first, since dpkg does not list the links of alternatives.
  await agent.must('apt-get install -y xz-utils', INSTALL_SECONDS);
  const before = await listFiles(agent);
  teller.say('installing the package');
  await agent.must('apt-get install -y /mnt/kdumpling_*.deb', INSTALL_SECONDS);
  const fresh = await agent.run('kdumpling show');
  teller.check('a fresh installation arms nothing', fresh.exitCode === 3, lastLine(fresh.output));
  teller.say(lastLine(await agent.must('kdumpling enable', INSTALL_SECONDS)));
  await reboot(guest);
  await checkArmed(guest, teller, 'after a reboot it is armed');
  await crashAndLook(guest, teller, 1);
  await crashAgain(guest, teller, OURS, runs - 1);

  teller.say('updating the kernel');
  await updateKernel(guest);
  const kernel = await runningKernel(guest);
  teller.check('the newer kernel is booted', kernel.startsWith('6.12'), kernel);
  await checkArmed(guest, teller, 'the newer kernel is armed, without anybody’s doing');
  await crashAndLook(guest, teller, 2);
  await crashAgain(guest, teller, OURS, runs - 1);

  teller.say('removing everything');
  await agent.must('kdumpling cleanup --yes');
  await agent.must('kdumpling disable', INSTALL_SECONDS);
  await agent.must('apt-get purge -y kdumpling', INSTALL_SECONDS);
  await reboot(guest);
  const left = traces(before, await listFiles(agent));
  teller.check('no file of it is left', left.length === 0, left.join(' ') || 'none');
  const commandLine = await agent.must('cat /proc/cmdline');
  teller.check('no memory is reserved', !commandLine.includes('crashkernel'), commandLine.trim());
}

async function kdumpTools(guest: Guest, teller: Teller, runs: number): Promise<void> {
  const { agent } = guest;
  await begin(guest);
  teller.say('installing kdump-tools');
  await agent.must(KDUMP_TOOLS.install, INSTALL_SECONDS);
  await reboot(guest);
  const armed = await agent.run(KDUMP_TOOLS.isArmed, INSTALL_SECONDS);
  const show = await agent.run('kdump-config show');
  teller.check('kdump-tools is armed', armed.exitCode === 0, lastLine(show.output));
  await crashAgain(guest, teller, KDUMP_TOOLS, runs);
}

const OURS = kdumpling('self-contained');

/** Crashes for their times alone. */
async function crashAgain(guest: Guest, teller: Teller, peer: Peer, times: number): Promise<void> {
  for (let nth = 0; nth < times; nth++) {
    const capture = await crashAnew(guest, peer);
    teller.check('it captured', isCaptured(capture), `${capture.dumpBytes} bytes`);
    teller.capture(capture);
  }
}

async function checkArmed({ agent }: Guest, teller: Teller, what: string): Promise<void> {
  const { exitCode, output } = await agent.run('kdumpling show');
  const holds = exitCode === 0 && /^kdump ready: true$/m.test(output) && /^armed: /m.test(output);
  teller.check(what, holds, holds ? lastLine(output) : output);
}

/** Crashes the machine, then checks what each verb and the journal say about it. */
async function crashAndLook(guest: Guest, teller: Teller, expected: number): Promise<void> {
  const { agent } = guest;
  const before = await measureBefore(guest, OURS);
  const { kernel } = before;
  teller.say(`crashing ${kernel}`);
  const seen = await crash(guest, BOOT_SECONDS);
  await settled(guest);
  const failed = await agent.must('systemctl --failed --no-legend --plain');
  teller.check('it is back in multi-user, no unit failed', failed.trim() === '', failed.trim() || 'none');
  const { exitCode, output } = await agent.run('kdumpling list --json');
  const dumps =
    exitCode === 0 ? (JSON.parse(output) as { dumps: { id: string; state: string }[] }).dumps : [];
  const newest = dumps.at(-1);
  teller.check(
    `list has ${expected} complete`,
    dumps.filter(({ state }) => state === 'complete').length === expected && dumps.length === expected,
    output,
  );
  if (!newest) return;
  const info = await agent.run(`kdumpling info ${newest.id}`);
  teller.check('info names the kernel', info.output.includes(kernel), info.output);
  const verify = await agent.run(`kdumpling verify /var/crash/${newest.id}`, BOOT_SECONDS);
  teller.check('verify finds it whole', verify.exitCode === 0, lastLine(verify.output));
  const journal = await agent.must('journalctl -b -u kdumpling-report --no-pager -o cat');
  teller.check(
    'the journal has the report',
    journal.includes('sysrq triggered crash'),
    journal.slice(0, 1000),
  );
  teller.capture(await measureAfter(guest, OURS, before, seen));
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
