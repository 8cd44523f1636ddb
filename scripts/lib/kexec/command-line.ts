/** The command line of this machine's crash kernel, and whether the kernel takes a line of that length. */
import { Buffer } from 'node:buffer';
import { SystemError } from '../../../capture/errors.ts';
import { type CommandLinePlan, LONGEST_LINE_BYTES, planCommandLine } from '../../../initrd/command-line.ts';
import { keepsImage } from '../../../initrd/kept-image.ts';
import { CONFIG_PATH } from '../config/config.ts';
import type { Settings } from '../config/directives.ts';
import { bootApicId } from '../host/cpus.ts';
import { hasPlainDisks } from '../host/disk-integrity.ts';
import type { Host } from '../host/host.ts';
import { isBelow64Tib } from '../host/iomem.ts';
import { hostKernel } from '../host/kernel-files.ts';
import { canSkipRealMode } from '../host/real-mode.ts';

/** @param cpus how many the crash kernel gets where the settings do not say it. */
export function hostCommandLine(host: Host, settings: Settings, cpus: number): CommandLinePlan {
  return planCommandLine(host.read('/proc/cmdline') ?? '', settings.commandLine, {
    cpus,
    bootApicId: bootApicId(host),
    keepsImage: keepsImage(hostKernel(host), settings.layout),
    hasPlainDisks: hasPlainDisks(host),
    isBelow64Tib: isBelow64Tib(host.read('/proc/iomem') ?? ''),
    // It reads all of the kernel's symbols: only where the answer counts.
    canSkipRealMode: cpus === 1 && canSkipRealMode(host),
  });
}

/** How many of the longest words an error names. */
const NAMED_WORDS = 5;

export interface Excess {
  readonly found: string;
  readonly limit: string;
  readonly toDo: string;
}

/** What is wrong with a line that kexec would refuse because of its length; undefined if nothing is. */
export function excessOf({ text, inherited }: CommandLinePlan): Excess | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes <= LONGEST_LINE_BYTES) return undefined;
  const longest = [...inherited].sort((a, b) => b.length - a.length).slice(0, NAMED_WORDS);
  const names = longest.map(word => word.replace(/^"/, '').split('=', 1)[0]);
  return {
    found: `the crash kernel’s command line has ${bytes} bytes`,
    limit: `at most ${LONGEST_LINE_BYTES}`,
    toDo: `Shorten it in ${CONFIG_PATH} with \`command_line_remove\`; its longest words are ${names.join(', ')}`,
  };
}

/** @throws SystemError if kexec would refuse the line because of its length. */
export function requireLoadable(plan: CommandLinePlan): CommandLinePlan {
  const excess = excessOf(plan);
  if (!excess) return plan;
  const { found, limit, toDo } = excess;
  throw new SystemError('COMMAND_LINE_TOO_LONG', {
    action: 'load the crash kernel',
    actual: found,
    wanted: limit,
    toDo,
  });
}
