/** For lab faults: a disk that changes what was written. */
import { closeSync, fsyncSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';

/** Flips a bit in the middle of the unfinished dump. */
export function damageDump(): void {
  const [name] = readdirSync('/target/var/crash').sort().slice(-1);
  const path = `/target/var/crash/${name}/vmcore-incomplete`;
  const fd = openSync(path, 'r+');
  const at = Math.floor(statSync(path).size / 2);
  const byte = new Uint8Array(1);
  readSync(fd, byte, 0, 1, at);
  byte[0] ^= 0x10;
  writeSync(fd, byte, 0, 1, at);
  fsyncSync(fd);
  closeSync(fd);
}
