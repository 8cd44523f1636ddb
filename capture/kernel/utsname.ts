/** The crashed kernel's identity for the dump's header: struct new_utsname (include/uapi/linux/utsname.h) in init_uts_ns. */
import { describeError } from '../errors.ts';
import type { Vmcoreinfo } from '../vmcore/vmcoreinfo.ts';
import type { KernelMemory } from './memory.ts';

export interface Utsname {
  readonly sysname: string;
  readonly nodename: string;
  readonly release: string;
  readonly version: string;
  readonly machine: string;
  readonly domainname: string;
}

/** __NEW_UTS_LEN and the NUL. */
const FIELD_BYTES = 65;
const FIELDS = 6;
/** Linux 5.10 does not export it; there the name follows a kref (include/linux/utsname.h). */
const UNEXPORTED_OFFSET = 4;
/** libkdumpfile, and so drgn, does not recognize a Linux dump when a field is empty. */
export const UNKNOWN_NAME = '(unknown)';

/** Cosmetic: falls back to vmcoreinfo and the architecture, with a warning, when memory does not hold it. */
export function readUtsname(memory: KernelMemory, vmcoreinfo: Vmcoreinfo, warnings: string[]): Utsname {
  try {
    const action = 'read the utsname';
    const name =
      vmcoreinfo.requireSymbol('init_uts_ns', action) +
      BigInt(vmcoreinfo.offset('uts_namespace.name') ?? UNEXPORTED_OFFSET);
    const bytes = memory.readVirtual(name, FIELDS * FIELD_BYTES, 'init_uts_ns.name');
    const [sysname, nodename, release, version, machine, domainname] = Array.from(
      { length: FIELDS },
      (_, i) => fieldText(bytes.subarray(i * FIELD_BYTES, (i + 1) * FIELD_BYTES)),
    ) as [string, string, string, string, string, string];
    if (sysname === 'Linux' && release !== '')
      return { sysname, nodename, release, version, machine, domainname };
    warnings.push('init_uts_ns holds no kernel release; the one in vmcoreinfo is used');
  } catch (error) {
    warnings.push(describeError(error));
  }
  return utsnameFromVmcoreinfo(vmcoreinfo, memory.arch.name);
}

/** What is known without the crashed kernel's memory. */
export function utsnameFromVmcoreinfo(vmcoreinfo: Vmcoreinfo, machine = UNKNOWN_NAME): Utsname {
  return {
    sysname: 'Linux',
    nodename: UNKNOWN_NAME,
    release: (vmcoreinfo.osrelease || UNKNOWN_NAME).slice(0, FIELD_BYTES - 1),
    version: UNKNOWN_NAME,
    machine,
    domainname: UNKNOWN_NAME,
  };
}

/** Control characters become "?": `info` prints these fields to a terminal. */
function fieldText(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  const text = Buffer.from(nul < 0 ? bytes : bytes.subarray(0, nul)).toString('latin1');
  return text.replace(/[^\x20-\x7e]/g, '?');
}
