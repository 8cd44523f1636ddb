/** The build options of the running kernel that a capture depends on. */
import { gunzipSync } from 'node:zlib';
import type { Host } from './host.ts';

/** One of `options` must be y, or may be m where `module` is set. */
const NEEDED: readonly {
  readonly options: readonly string[];
  readonly module?: true;
  readonly why: string;
}[] = [
  { options: ['CONFIG_KEXEC_FILE', 'CONFIG_KEXEC'], why: 'to load a crash kernel' },
  { options: ['CONFIG_CRASH_DUMP'], why: 'to be a crash kernel' },
  { options: ['CONFIG_PROC_VMCORE'], why: 'for /proc/vmcore' },
  { options: ['CONFIG_BLK_DEV_INITRD'], why: 'for the initrd' },
  { options: ['CONFIG_RD_GZIP'], why: 'to unpack the initrd' },
  { options: ['CONFIG_DEVTMPFS'], why: 'for the disk’s device' },
  { options: ['CONFIG_SQUASHFS'], module: true, why: 'for the runtime image' },
  { options: ['CONFIG_BLK_DEV_LOOP'], module: true, why: 'for the runtime image' },
];

/** Undefined if the host has no config of its kernel. */
export function readKernelConfig(host: Host, kver: string): Map<string, string> | undefined {
  const plain = [`/boot/config-${kver}`, `/lib/modules/${kver}/config`, `/usr/lib/modules/${kver}/config`];
  for (const path of plain) {
    const text = host.read(path);
    if (text !== undefined) return parse(text);
  }
  const packed = host.readBytes('/proc/config.gz');
  return packed && parse(gunzipSync(packed).toString('utf8'));
}

/** What is missing, in words; empty if nothing is. */
export function lacksOf(config: ReadonlyMap<string, string>): string[] {
  return NEEDED.filter(
    ({ options, module }) =>
      !options.some(option => config.get(option) === 'y' || (module && config.get(option) === 'm')),
  ).map(({ options, why }) => `${options.join(' or ')} ${why}`);
}

function parse(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^(CONFIG_\w+)=(.*)$/gm)].map(match => [match[1]!, match[2]!]));
}
