/** A bad line: hands on what a client says to a server, and is cut, stalls or crawls as a test wants it. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface BadLine {
  readonly port: number;
  /** Connections so far. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/**
 * What becomes of a connection. `cutAfter`, `stallAfter`: when the client has said so many bytes; undefined for a line
 * that works. A client that is cut hears a reset, as from a server that died.
 */
export interface Badness {
  readonly cutAfter?: number;
  readonly stallAfter?: number;
  readonly bytesPerSecond?: number;
}

/** @param badness of the n-th connection, from 0. */
export async function openBadLine(
  targetPort: number,
  badness: (connection: number) => Badness,
): Promise<BadLine> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer(client => {
    const { cutAfter, stallAfter, bytesPerSecond } = badness(connections++);
    const target = connect(targetPort, '127.0.0.1');
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    let saidBytes = 0;
    client.on('data', chunk => {
      saidBytes += chunk.length;
      if (cutAfter !== undefined && saidBytes > cutAfter) {
        target.destroy();
        client.resetAndDestroy();
      } else if (stallAfter !== undefined && saidBytes > stallAfter) client.pause();
      else {
        target.write(chunk);
        if (bytesPerSecond === undefined) return;
        client.pause();
        setTimeout(() => client.resume(), (1000 * chunk.length) / bytesPerSecond);
      }
    });
    client.on('end', () => target.end());
    target.pipe(client);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise(resolve => server.close(() => resolve()));
    },
  };
}
