/** QEMU's machine protocol (QMP): one JSON object per line, over a unix socket on which QEMU listens. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { SystemError } from '../../capture/errors.ts';

export interface Qmp {
  /** Returns the command's result once it is done. @throws SystemError QMP with QEMU's message */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  close(): void;
}

interface Message {
  readonly QMP?: unknown;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

/** A socket's path has at most 108 bytes (unix(7)), and the run's directory may be longer. QEMU removes it at its end. */
export function monitorSocket(): string {
  return join('/tmp', `kdumpling-qmp-${process.pid}-${randomBytes(4).toString('hex')}`);
}

/** QEMU's options for a socket at this path, which takes one client. */
export function qmpOption(path: string): string[] {
  return ['-qmp', `unix:${path},server=on,wait=off`];
}

/** Connects to a running QEMU. It answers commands in order; events are ignored. */
export async function openQmp(path: string): Promise<Qmp> {
  const socket = connect(path);
  const answers = messagesOf(socket);
  const next = async (action: string): Promise<Message> => {
    const { value, done } = await answers.next();
    if (done) throw failure(action, 'QEMU closed the connection');
    return value;
  };
  const execute: Qmp['execute'] = async (command, args) => {
    const action = `have QEMU ${command}`;
    socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }) })}\n`);
    const { error, ...message } = await next(action);
    if (error) throw failure(action, error.desc);
    return message.return;
  };
  await next('talk to QEMU'); // its greeting
  await execute('qmp_capabilities');
  return { execute, close: () => socket.destroy() };
}

async function* messagesOf(socket: Socket): AsyncGenerator<Message, undefined> {
  try {
    let rest = '';
    for await (const chunk of socket.setEncoding('utf8')) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const message = JSON.parse(line) as Message;
        if (message.QMP !== undefined || message.return !== undefined || message.error) yield message;
      }
    }
  } catch (cause) {
    throw failure('talk to QEMU', (cause as Error).message, cause);
  }
}

function failure(action: string, actual: string, cause?: unknown): SystemError {
  return new SystemError('QMP', { action, actual, wanted: 'a QEMU that answers' }, {}, { cause });
}
