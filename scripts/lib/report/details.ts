/** What some kinds of crash say beside a trace: the banks of a machine check, and who waits for whom. */
import type { LogEvent } from './events.ts';

export interface MachineCheck {
  readonly cpu?: number;
  readonly bank?: number;
  /** MCi_STATUS, hexadecimal. */
  readonly status?: string;
  /** MCi_ADDR or the physical address that firmware reported, hexadecimal. */
  readonly address?: string;
}

export interface HungTask {
  readonly comm: string;
  readonly pid: number;
  /** Who holds what it waits for, where the kernel says it. */
  readonly waitsFor?: { readonly comm: string; readonly pid: number };
}

/** arch/x86/kernel/cpu/mce/core.c (print_mce); drivers/firmware/efi/cper.c. One per bank. */
export function machineChecks(batch: readonly LogEvent[]): MachineCheck[] {
  const checks: MachineCheck[] = [];
  for (const text of batch.flatMap(({ texts }) => texts)) {
    const bank = /CPU (\d+): Machine Check(?: Exception)?: \S+ Bank (\d+): ([0-9a-f]+)/.exec(text);
    if (bank) checks.push({ cpu: Number(bank[1]), bank: Number(bank[2]), status: bank[3]! });
    const address = /\bADDR ([0-9a-f]+)|physical_address: 0x([0-9a-f]+)/.exec(text);
    if (address) checks.push({ ...checks.pop(), address: address[1] ?? address[2]! });
  }
  return checks;
}

/** kernel/hung_task.c: debug_show_blocker since 6.16. */
const BLOCKER =
  /^INFO: task .{1,64}:\d+ (?:<\w+> |is )?blocked on an? .{1,64} likely (?:owned|last held) by task (.{1,64}?):(\d+)/;

export function hungTasks(batch: readonly LogEvent[]): HungTask[] {
  return batch.flatMap(({ headline, texts }) => {
    const match = /^INFO: task (.+):(\d+) blocked /.exec(headline);
    if (!match) return [];
    const blocker = texts.map(text => BLOCKER.exec(text)).find(found => found !== null);
    const waitsFor = blocker ? { comm: blocker[1]!, pid: Number(blocker[2]) } : undefined;
    return [{ comm: match[1]!, pid: Number(match[2]), ...(waitsFor && { waitsFor }) }];
  });
}
