/**
 * Which accelerator QEMU can use here. /dev/kvm can exist, answer ioctls, create a VM and still hang every guest at its
 * first instructions. Only a boot with a time limit tells: KVM works when the kernel prints its first line.
 */
import { execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { type Cache, withLock } from '../../build/cache.ts';
import { findCommand } from '../../build/host/host-packages.ts';
import { SystemError } from '../../capture/errors.ts';
import { replaceFile } from '../../capture/storage/place/durable-file.ts';
import { type Accel, labArch } from './arch.ts';

export type AccelRequest = Accel | 'auto';

const PROBE_SECONDS = 10;
/** A failed probe is repeated after this time, since the host may have been too busy. A successful one is final. */
const DOUBT_LASTS_DAYS = 7;

export interface AccelAnswer {
  readonly accel: Accel;
  /** What was found, in one line. */
  readonly why: string;
}

interface Remembered extends AccelAnswer {
  /** Host kernel, CPU and QEMU for which the answer holds. */
  readonly key: string;
  readonly probedAt: string;
}

/**
 * The accelerator for this host. Probed once by booting `vmlinuz`, then remembered in the cache. A guest of another
 * architecture is emulated. @param architecture Node's name for the guest's.
 */
export async function chooseAccel(
  cache: Cache,
  request: AccelRequest,
  vmlinuz: string,
  architecture: string = process.arch,
): Promise<AccelAnswer> {
  if (architecture !== process.arch)
    return {
      accel: 'tcg',
      why: `tcg (software emulation): the guest is ${architecture}, this machine ${process.arch}`,
    };
  if (request !== 'auto') return { accel: request, why: `${request}, as --accel asks` };
  const obstacle = kvmObstacle();
  if (obstacle) return { accel: 'tcg', why: `tcg (software emulation): ${obstacle}` };
  const { qemuCommand, qemuPackage } = labArch();
  const qemu = findCommand(qemuCommand);
  if (!qemu) {
    const what = {
      action: 'probe KVM',
      actual: `there is no ${qemuCommand}`,
      wanted: `the host package ${qemuPackage}`,
    };
    throw new SystemError('NO_QEMU', what);
  }
  const key = [release(), cpus()[0]?.model ?? '', qemuVersion(qemu)].join(' | ');
  return withLock(cache, 'accel', async () => {
    const path = join(cache.dir, 'accel.json');
    const known = readRemembered(path);
    if (known && known.key === key && !isStale(known)) return { accel: known.accel, why: known.why };
    cache.say(`probing KVM (a boot of at most ${PROBE_SECONDS} s) …`);
    const answer = await probeKvm(qemu, vmlinuz);
    const remembered: Remembered = { ...answer, key, probedAt: new Date().toISOString() };
    replaceFile(path, `${JSON.stringify(remembered, null, 2)}\n`);
    return answer;
  });
}

function kvmObstacle(): string | undefined {
  if (!existsSync('/dev/kvm')) return 'no /dev/kvm here';
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return '/dev/kvm is not open to this user';
  }
}

/** Boots the kernel without a disk under KVM until it prints its version, panics for lack of a root, or time is up. */
export function probeKvm(qemu: string, vmlinuz: string, seconds = PROBE_SECONDS): Promise<AccelAnswer> {
  const startedMs = Date.now();
  const { cpu, machine, console: port, earlyConsole } = labArch();
  const args = [
    '-accel',
    'kvm',
    '-cpu',
    cpu.kvm,
    '-m',
    '256M',
    '-smp',
    '1',
    '-machine',
    machine,
    '-nodefaults',
  ];
  const quiet = ['-display', 'none', '-no-reboot', '-serial', 'stdio', '-monitor', 'none'];
  const kernel = ['-kernel', vmlinuz, '-append', `console=${port} ${earlyConsole} panic=-1`];
  // setpriv: when the lab is killed, QEMU dies with it.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', qemu, ...args, ...quiet, ...kernel], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise(done => {
    let serial = '';
    let errors = '';
    let answer: AccelAnswer | undefined;
    const elapsed = () => `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
    const finish = (accel: Accel, why: string) => {
      answer ??= { accel, why };
      child.kill('SIGKILL');
    };
    const hung = `/dev/kvm is there but a guest prints nothing in ${seconds} s`;
    const timer = setTimeout(() => finish('tcg', `tcg (software emulation): ${hung}`), seconds * 1000);
    const interrupted = (signal: NodeJS.Signals) => {
      child.kill('SIGKILL');
      process.removeListener('SIGINT', interrupted).removeListener('SIGTERM', interrupted);
      process.kill(process.pid, signal);
    };
    process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
    child.stdout.on('data', chunk => {
      serial = (serial + String(chunk)).slice(-4096);
      if (serial.includes('Linux version')) finish('kvm', `kvm: a guest's kernel spoke after ${elapsed()}`);
    });
    child.stderr.on('data', chunk => {
      errors = (errors + String(chunk)).slice(0, 4096);
    });
    const ended = (said: string) => {
      clearTimeout(timer);
      process.removeListener('SIGINT', interrupted).removeListener('SIGTERM', interrupted);
      done(answer ?? { accel: 'tcg', why: `tcg (software emulation): QEMU cannot use KVM (${said})` });
    };
    child.once('error', error => ended(error.message));
    child.once('close', () => ended(errors.split('\n')[0]?.trim() || 'it ended at once'));
  });
}

function readRemembered(path: string): Remembered | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Remembered;
  } catch {
    return undefined;
  }
}

function isStale({ accel, probedAt }: Remembered): boolean {
  return accel === 'tcg' && Date.now() - Date.parse(probedAt) > DOUBT_LASTS_DAYS * 86_400_000;
}

/** Its name and version. */
export function qemuVersion(qemu = labArch().qemuCommand): string {
  return execFileSync(qemu, ['--version'], { encoding: 'utf8' }).split('\n')[0]!;
}
