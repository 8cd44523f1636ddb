/** One Debian guest from power-on to power-off, with an agent in it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LabArch } from '../machine/arch.ts';
import { commandText, lost, type MachineSpec, machineCommand, runMachine } from '../machine/machine.ts';
import { openQmp, qmpOption } from '../machine/qmp.ts';
import type { SerialLine } from '../machine/serial.ts';
import { type Agent, openAgent } from './agent.ts';

export interface DebianMachine {
  readonly arch: LabArch;
  readonly accel: MachineSpec['accel'];
  readonly cpus: number;
  readonly disk: string;
  /** A second, read-only disk with packages. */
  readonly packages?: string;
  /** QEMU options of the firmware from which the disk's boot loader starts; QEMU's own by default. */
  readonly firmware?: readonly string[];
  /** Kernel for QEMU to load, instead of the disk's boot loader. */
  readonly boot?: MachineSpec['boot'];
  /** Gets serial.log and qemu.txt. */
  readonly directory: string;
  readonly deadlineSeconds: number;
  readonly onLine?: (text: string) => void;
  readonly signal: AbortSignal;
}

/** What a story can use while the machine runs. */
export interface Guest {
  readonly arch: LabArch;
  readonly agent: Agent;
  /** The serial console so far. */
  readonly lines: readonly SerialLine[];
  /** Aborted when the machine ends. */
  readonly signal: AbortSignal;
  /** Presses the reset button of a machine that hangs. */
  reset(): Promise<void>;
}

const MEMORY_MIB = 1024;

/**
 * Runs the machine until the story ends, then powers it off.
 * @throws LostMachine, or what the story throws. QEMU has ended in every case.
 */
export async function runDebian<T>(machine: DebianMachine, story: (guest: Guest) => Promise<T>): Promise<T> {
  // A socket's path has at most 108 bytes (unix(7)), and the run's directory may be longer.
  const sockets = mkdtempSync(join(tmpdir(), 'kdumpling-agent-'));
  const [agentSocket, qmpSocket] = [join(sockets, 'agent'), join(sockets, 'qmp')];
  const { arch } = machine;
  const spec: MachineSpec = {
    arch,
    accel: machine.accel,
    translatedMib: 128,
    memoryMib: MEMORY_MIB,
    cpus: machine.cpus,
    cpuFeatures: machine.accel === 'tcg' ? arch.debianGuest.emulatedCpu : [],
    boot: machine.boot,
    disk: machine.disk,
    moreDisks: machine.packages ? [{ file: machine.packages, driveOptions: 'readonly=on' }] : [],
    devices: [
      ...(machine.firmware ?? []),
      ...['-chardev', `socket,id=agent,path=${agentSocket},server=on,wait=off`],
      ...arch.debianGuest.agentPort.devices('agent'),
      ...qmpOption(qmpSocket),
    ],
    deadlineSeconds: machine.deadlineSeconds,
  };
  const argv = machineCommand(spec);
  writeFileSync(join(machine.directory, 'qemu.txt'), `${commandText(argv)}\n`);
  const ended = new AbortController();
  const signal = AbortSignal.any([machine.signal, ended.signal]);
  const lines: SerialLine[] = [];
  const running = runMachine(
    spec,
    machine.directory,
    line => {
      lines.push(line);
      machine.onLine?.(line.text);
    },
    signal,
  );
  // When the machine ends early, the story is aborted.
  const end = running.finally(() => ended.abort());
  end.catch(() => {});
  try {
    const agent = await openAgent(agentSocket, signal);
    const result = await story({ arch, agent, lines, signal, reset: () => reset(qmpSocket) });
    agent.send('systemctl poweroff');
    await running;
    agent.close();
    return result;
  } catch (error) {
    const isEarly = ended.signal.aborted;
    ended.abort();
    // QEMU ends well when a signal asks it to, and when the guest powers off.
    const machineError = await running.then(
      ({ complaint }) =>
        isEarly ? lost('ENDED_EARLY', complaint || 'it powered off', argv, machine.directory) : undefined,
      (cause: unknown) => cause,
    );
    // The machine's own error counts, unless we ended the machine.
    const interrupted = (machineError as { code?: string } | undefined)?.code === 'INTERRUPTED';
    throw machineError && !interrupted ? machineError : error;
  } finally {
    if (existsSync(sockets)) rmSync(sockets, { recursive: true, force: true });
  }
}

async function reset(socket: string): Promise<void> {
  const qmp = await openQmp(socket);
  try {
    await qmp.execute('system_reset');
  } finally {
    qmp.close();
  }
}
