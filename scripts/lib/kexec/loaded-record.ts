/** What was loaded as the crash kernel in this boot. The kernel itself does not say. */
import type { Host } from '../host/host.ts';

/** Gone with the boot, as is what was loaded. */
const FILE = '/run/kdumpling/loaded.json';

export interface Loaded {
  /** Of the initrd, in hex. */
  readonly imageSha256: string;
  readonly commandLine: string;
}

export function rememberLoaded(host: Host, loaded: Loaded): void {
  host.write(FILE, `${JSON.stringify(loaded)}\n`);
}

export function forgetLoaded(host: Host): void {
  host.remove(FILE);
}

/** Undefined if nothing is loaded, or if another program loaded it. */
export function readLoaded(host: Host): Loaded | undefined {
  try {
    const { imageSha256, commandLine } = JSON.parse(host.read(FILE) ?? '');
    return typeof imageSha256 === 'string' && typeof commandLine === 'string'
      ? { imageSha256, commandLine }
      : undefined;
  } catch {
    return undefined;
  }
}
