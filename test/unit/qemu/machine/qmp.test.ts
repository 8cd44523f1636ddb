/** The client, against a server that speaks as QEMU does; a real QEMU answers it in the fault guest-ram. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openQmp } from '../../../../qemu/machine/qmp.ts';

let folder: string;
let path: string;
let server: Server | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-qmp-'));
  path = join(folder, 'socket');
});
afterEach(() => {
  server?.close();
  rmSync(folder, { recursive: true });
});

/** Greets, and answers each line with what `answer` makes of it; undefined ends the connection. */
function serve(answer: (command: string) => string | undefined): Promise<void> {
  server = createServer(socket => {
    socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n');
    socket.setEncoding('utf8').on('data', (line: string) => {
      const text = answer((JSON.parse(line) as { execute: string }).execute);
      if (text === undefined) socket.end();
      // In two pieces, as a socket may.
      else socket.write(text.slice(0, 5), () => socket.write(text.slice(5)));
    });
  });
  return new Promise(resolve => server!.listen(path, resolve));
}

test('commands are answered in order, and events are ignored', async () => {
  await serve(command => `{"event": "STOP"}\r\n{"return": {"was": "${command}"}}\r\n`);
  const qmp = await openQmp(path);
  expect(await qmp.execute('stop')).toEqual({ was: 'stop' });
  expect(await qmp.execute('cont', { really: true })).toEqual({ was: 'cont' });
  qmp.close();
});

test('an error has QEMU’s message', async () => {
  await serve(command =>
    command === 'stop' ? '{"error": {"class": "X", "desc": "no such thing"}}\n' : '{"return": {}}\n',
  );
  const qmp = await openQmp(path);
  await expect(qmp.execute('stop')).rejects.toThrow('Cannot have QEMU stop: no such thing');
  expect(await qmp.execute('cont')).toEqual({});
  qmp.close();
});

test('a QEMU that ends, and one that does not run', async () => {
  await serve(command => (command === 'stop' ? undefined : '{"return": {}}\n'));
  const qmp = await openQmp(path);
  await expect(qmp.execute('stop')).rejects.toThrow('QEMU closed the connection');
  await expect(openQmp(join(folder, 'none'))).rejects.toThrow('Cannot talk to QEMU: connect ENOENT');
});
