/**
 * Machines whose kernel command line no boot loader of ours decides: Xen's dom0, and unified kernel images, which carry their
 * command line inside. Variables are those of systemd's boot loader interface, UTF-16 behind four bytes of attributes.
 */
import { SystemError } from '../../../capture/errors.ts';
import type { Host } from '../host/host.ts';

const VARIABLES = '/sys/firmware/efi/efivars';
const VENDOR = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';
const ATTRIBUTE_BYTES = 4;
/** Where the EFI partition, or the one for kernels, is mounted. */
const PARTITIONS = ['/efi', '/boot/efi', '/boot'];
const UNIFIED_IMAGES = 'EFI/Linux';

/** Why no `crashkernel=` that we write would count; undefined where a boot loader decides. */
export function foreignBoot(host: Host): SystemError | undefined {
  if (isXenDom0(host)) {
    return refusal('XEN_DOM0', {
      actual:
        'this is the dom0 of a Xen host, where the hypervisor reserves the memory and loads the crash kernel',
      toDo: 'Put crashkernel= on the command line of Xen itself and capture with the tools of your Xen distribution',
    });
  }
  return loaderVariable(host, 'StubInfo') === undefined
    ? undefined
    : unifiedImage('this boot came from a unified kernel image, which carries its command line');
}

/** Among systemd-boot's entries there can be unified images beside those that kernel-install writes. */
export function unifiedImageOf(host: Host): SystemError | undefined {
  if (/^layout\s*=\s*uki/m.test(host.read('/etc/kernel/install.conf') ?? ''))
    return unifiedImage('kernel-install makes unified kernel images here, which carry their command line');
  const images = PARTITIONS.flatMap(folder =>
    host.list(`${folder}/${UNIFIED_IMAGES}`).filter(name => /\.efi$/i.test(name)),
  );
  if (images.length === 0) return undefined;
  const chosen = defaultEntry(host) ?? loaderVariable(host, 'LoaderEntrySelected');
  if (chosen !== undefined && /\.conf$/i.test(chosen)) return undefined;
  return unifiedImage(
    chosen === undefined
      ? `it is not known whether ${images[0]} or another entry boots next`
      : `${chosen} boots next, and a unified kernel image carries its command line`,
  );
}

/** A variable that systemd-boot or systemd-stub sets; undefined where there is none. */
export function loaderVariable(host: Host, name: string): string | undefined {
  const bytes = host.readBytes(`${VARIABLES}/${name}-${VENDOR}`);
  return bytes?.subarray(ATTRIBUTE_BYTES).toString('utf16le').replace(/\0+$/, '');
}

/** Whether the firmware's variables are visible: then a loader that set none of its own did not boot this machine. */
export function seesVariables(host: Host): boolean {
  return host.list(VARIABLES).length > 0;
}

/** What a person made the default: `bootctl set-default`, or loader.conf. A `@` stands for "saved" and the like. */
function defaultEntry(host: Host): string | undefined {
  const config = PARTITIONS.map(folder => host.read(`${folder}/loader/loader.conf`)).find(Boolean) ?? '';
  const inConfig = /^default\s+(\S+)/m.exec(config)?.[1];
  return [loaderVariable(host, 'LoaderEntryDefault'), inConfig].find(name => name && !name.startsWith('@'));
}

function isXenDom0(host: Host): boolean {
  return /\bcontrol_d\b/.test(host.read('/proc/xen/capabilities') ?? '');
}

function unifiedImage(actual: string): SystemError {
  return refusal('UNIFIED_IMAGE', {
    actual,
    toDo: 'Have crashkernel= put into the image by whoever builds and signs it',
  });
}

function refusal(code: string, what: { actual: string; toDo: string }): SystemError {
  return new SystemError(code, { action: 'set crashkernel= for the next boot', ...what });
}
