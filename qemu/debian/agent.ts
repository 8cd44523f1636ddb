/** Runs commands in the guest over QEMU's second serial port; guest/agent.sh is the other end. */
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../capture/errors.ts';

export class GuestError extends Failure {}

export interface CommandResult {
  readonly exitCode: number;
  /** stdout and stderr, interleaved. */
  readonly output: string;
}

export interface Agent {
  /** Waits until the next boot's agent is ready, while services are still starting. */
  untilBoot(timeoutSeconds: number): Promise<void>;
  /** Runs a shell script. @throws GuestError when no answer comes in time, or when the machine reboots meanwhile. */
  run(command: string, timeoutSeconds?: number): Promise<CommandResult>;
  /** As `run`. @throws GuestError also for an exit code other than 0, with the end of the output. */
  must(command: string, timeoutSeconds?: number): Promise<string>;
  /** Sends a command that the machine does not survive. */
  send(command: string): void;
  close(): void;
}

const COMMAND_SECONDS = 300;
const OUTPUT_TAIL = 1500;

/** @param socketPath QEMU's socket, which it may not have created yet. */
export async function openAgent(socketPath: string, signal: AbortSignal): Promise<Agent> {
  const socket = await connect(socketPath, signal);
  const answers = new Map<number, (result: CommandResult | Error) => void>();
  let boots = 0;
  let seen = 0;
  let onBoot = () => {};
  let nextId = 1;
  readLines(socket, line => {
    const answer = parseAnswer(line);
    if (answer === 'ready') {
      boots++;
      for (const settle of answers.values()) settle(new Error('the machine rebooted'));
      answers.clear();
      onBoot();
    } else if (answer) {
      answers.get(answer.id)?.(answer);
      answers.delete(answer.id);
    }
  });

  const send = (command: string): number => {
    const id = nextId++;
    socket.write(`${id} ${Buffer.from(command).toString('base64')}\n`);
    return id;
  };
  const agent: Agent = {
    async untilBoot(timeoutSeconds) {
      if (boots === seen) {
        const booted = new Promise<void>(resolve => {
          onBoot = resolve;
        });
        await within(booted, timeoutSeconds, 'see the guest come up', signal);
      }
      seen = boots;
    },
    async run(command, timeoutSeconds = COMMAND_SECONDS) {
      const id = send(command);
      const answered = new Promise<CommandResult | Error>(resolve => answers.set(id, resolve));
      const result = await within(answered, timeoutSeconds, describe(command), signal);
      if (result instanceof Error) throw failed(command, result.message);
      return result;
    },
    async must(command, timeoutSeconds) {
      const { exitCode, output } = await agent.run(command, timeoutSeconds);
      if (exitCode === 0) return output;
      throw failed(command, `exit code ${exitCode}: ${output.slice(-OUTPUT_TAIL).trim()}`);
    },
    send,
    close: () => void socket.destroy(),
  };
  return agent;
}

/** A line of the agent, or undefined for other output on the port. */
export function parseAnswer(line: string): 'ready' | ({ readonly id: number } & CommandResult) | undefined {
  if (/lab-agent: ready /.test(line)) return 'ready';
  const match = /lab-agent: (\d+) (\d+) ([A-Za-z0-9+/=]*)$/.exec(line);
  if (!match) return undefined;
  const [, id, exitCode, output] = match;
  return { id: Number(id), exitCode: Number(exitCode), output: Buffer.from(output, 'base64').toString() };
}

function readLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/\r*\n/);
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  });
}

/** Retries, since QEMU creates the socket a moment after its start. */
async function connect(path: string, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    signal.throwIfAborted();
    const socket = createConnection(path);
    const connected = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    if (connected) return socket.on('error', () => {}); // closes when the machine ends, which runMachine judges
    await sleep(100);
  }
}

async function within<T>(work: Promise<T>, seconds: number, action: string, signal: AbortSignal): Promise<T> {
  const over = new AbortController();
  const late = sleep(seconds * 1000, undefined, { signal: AbortSignal.any([signal, over.signal]) }).then(
    () => {
      throw new GuestError('GUEST_SILENT', { action, actual: `no answer in ${seconds} s` });
    },
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
    late.catch(() => {});
  }
}

function describe(command: string): string {
  return `run in the guest: ${command.trim().split('\n')[0].slice(0, 80)}`;
}

function failed(command: string, actual: string): GuestError {
  return new GuestError('GUEST_COMMAND', { action: describe(command), actual });
}
