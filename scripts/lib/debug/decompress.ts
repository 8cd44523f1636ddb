/** A decompressed copy of a file, by the tool of this machine. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** @throws why it failed, as an Error whose message is for people; the signal's reason. */
export async function decompress(
  tool: string,
  path: string,
  copy: string,
  signal: AbortSignal,
): Promise<void> {
  const fd = openSync(copy, 'wx', 0o600);
  try {
    const child = spawn(tool, ['-dc', '--', path], { stdio: ['ignore', fd, 'pipe'], signal });
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-1000);
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw new Error(said.trim().split('\n').at(-1) || `${tool} ended with ${code}`);
  } finally {
    closeSync(fd);
  }
}
