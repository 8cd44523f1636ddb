/**
 * What captures do on a real CPU and on no emulated one, or on rare ways, to be run on this machine: the emulated CPU has no SHA
 * instructions, and most captures have no shell and do not lack the FFI.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, statfsSync } from 'node:fs';
import { openCodecOrFallback } from '../../capture/codecs/open.ts';
import { CODECS } from '../../capture/codecs/table.ts';
import { type Ffi, openFfi } from '../../capture/ffi/library.ts';
import { openDigest } from '../../capture/kdump/format/digest.ts';

const PAGE_BYTES = 4096;
const PAGES = 256;

for (const algorithm of ['sha256', 'crc32'] as const) {
  const digest = openDigest(algorithm);
  for (let page = 0; page < PAGES; page++) digest.update(randomBytes(PAGE_BYTES));
  digest.zeros(PAGES * PAGE_BYTES);
  digest.finish();
}
const withoutFfi = (): Ffi => {
  throw new Error('no FFI');
};
for (const { name } of CODECS) {
  for (const ffi of [openFfi, withoutFfi]) {
    const codec = openCodecOrFallback(ffi, { name, pageSizeBytes: PAGE_BYTES }, () => {});
    const output = Buffer.alloc(codec.maxOutputBytes);
    for (let page = 0; page < PAGES; page++)
      codec.compress(Buffer.alloc(PAGE_BYTES, `${page} of ${name}`), 0, output, 0);
    codec.close();
  }
}
statfsSync('/');
spawnSync('/bin/true', ['with', 'words']);
process.on('uncaughtException', error => console.log(error.stack));
const shell = spawn('/bin/sh', ['-c', 'exec sleep 600'], { stdio: 'inherit', env: { PATH: '/bin' } });
const looking = setInterval(() => readFileSync('/proc/uptime'), 10);
setTimeout(() => shell.kill('SIGKILL'), 100);
shell.on('exit', () => {
  clearInterval(looking);
  void Promise.reject(new Error('that nobody catches'));
});
