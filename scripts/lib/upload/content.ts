/** What is uploaded: its size and digest are known before the first byte is sent, and it can be sent from anywhere on. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

export interface Content {
  readonly sizeBytes: number;
  readonly type: string;
  /** Of all of it; base64. */
  readonly sha256: string;
  /** The bytes from `start` on. */
  read(start: number): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

const READ_BYTES = 256 << 10;

export function textContent(text: string, type: string): Content {
  const bytes = Buffer.from(text);
  return {
    sizeBytes: bytes.length,
    type,
    sha256: createHash('sha256').update(bytes).digest('base64'),
    async *read(start) {
      for (let at = start; at < bytes.length; at += READ_BYTES) yield bytes.subarray(at, at + READ_BYTES);
    },
    async close() {},
  };
}

/** Reads the file once for its digest. @throws the system's error, and the signal's reason. */
export async function fileContent(
  path: string,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<Content> {
  const file = await open(path, 'r');
  try {
    const sizeBytes = (await file.stat()).size;
    const hash = createHash('sha256');
    let done = 0;
    for await (const chunk of readFile(file, 0, sizeBytes)) {
      signal.throwIfAborted();
      hash.update(chunk);
      done += chunk.length;
      onProgress(done, sizeBytes);
    }
    return {
      sizeBytes,
      type: 'application/octet-stream',
      sha256: hash.digest('base64'),
      read: start => readFile(file, start, sizeBytes),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Not a stream of Node's, which closes the file when it is left. */
async function* readFile(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let position = start; position < end; ) {
    const bytes = Buffer.allocUnsafe(Math.min(READ_BYTES, end - position));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, position);
    // It became shorter; the server, which was promised more, will say so.
    if (bytesRead === 0) return;
    position += bytesRead;
    yield bytes.subarray(0, bytesRead);
  }
}
