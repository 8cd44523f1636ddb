/** One crash of the Debian guest, from the trigger to its login prompt, timed on the serial console. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabArch } from '../machine/arch.ts';
import type { SerialLine } from '../machine/serial.ts';
import { SYSRQ_CRASH } from '../triggers/triggers.ts';
import { GuestError } from './agent.ts';
import type { Guest } from './machine.ts';

/** Seconds since the panic. What was not seen is left out. */
export interface CrashTimes {
  /** The capture kernel's first line. */
  readonly captureKernel?: number;
  /** The capture kernel's reboot. */
  readonly reboot?: number;
  /** The login prompt of the boot after. */
  readonly login?: number;
}

function stationsOn({ console: port }: LabArch) {
  return [
    { name: 'panic', pattern: /Kernel panic - not syncing: / },
    { name: 'captureKernel', pattern: /Linux version / },
    // A reboot by sysrq prints nothing: then the first line of the next boot counts.
    { name: 'reboot', pattern: /reboot: Restarting system|Linux version / },
    // The banner of getty. The prompt itself has no newline.
    { name: 'login', pattern: new RegExp(`^Debian GNU/Linux 12 debian ${port}`) },
  ] as const;
}

const POLL_MS = 200;

/** @throws GuestError when no crash kernel is loaded, or when the login prompt does not come in time. */
export async function crash(guest: Guest, timeoutSeconds: number): Promise<CrashTimes> {
  // The panic of a machine without one has no end: nothing would reboot it.
  const loaded = (await guest.agent.must('cat /sys/kernel/kexec_crash_loaded')).trim();
  if (loaded !== '1')
    throw new GuestError('NOT_LOADED', {
      action: 'crash the guest',
      actual: `/sys/kernel/kexec_crash_loaded is ${loaded}`,
      wanted: '1, a loaded crash kernel',
    });
  const from = guest.lines.length;
  guest.agent.send(`sync; ${SYSRQ_CRASH.command}`);
  await guest.agent.untilBoot(timeoutSeconds);
  await untilLogin(guest, from, timeoutSeconds);
  return crashTimes(guest.arch, guest.lines.slice(from));
}

/** @param lines of the serial console from the trigger on. */
export function crashTimes(arch: LabArch, lines: readonly SerialLine[]): CrashTimes {
  const stations = stationsOn(arch);
  const at: Partial<Record<(typeof stations)[number]['name'], number>> = {};
  let from = 0;
  for (const { name, pattern } of stations) {
    const index = lines.findIndex(({ text }, position) => position >= from && pattern.test(text));
    if (index < 0) break;
    at[name] = lines[index].atSeconds;
    from = index + 1;
  }
  const { panic, ...later } = at;
  if (panic === undefined) return {};
  return Object.fromEntries(
    Object.entries(later).map(([name, seconds]) => [name, Number((seconds - panic).toFixed(1))]),
  );
}

async function untilLogin(guest: Guest, from: number, timeoutSeconds: number): Promise<void> {
  for (let waited = 0; waited < timeoutSeconds * 1000; waited += POLL_MS) {
    if (crashTimes(guest.arch, guest.lines.slice(from)).login !== undefined) return;
    await sleep(POLL_MS);
  }
  throw new GuestError('NO_LOGIN', {
    action: 'see the guest come home',
    actual: `no login prompt in ${timeoutSeconds} s`,
  });
}
