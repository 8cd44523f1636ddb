/** Kernel settings that decide whether an error becomes a panic, and so a dump. They are shown, and set on request. */
import type { Host } from './host.ts';
import { isRecord, readState } from './state-file.ts';

export interface Sysctl {
  readonly name: string;
  readonly wanted: string;
  readonly why: string;
  /** Set by `enable --set-sysctls`. The others would crash machines that might recover, and are only shown. */
  readonly isSet: boolean;
}

export const SYSCTLS: readonly Sysctl[] = [
  {
    name: 'kernel.panic_on_oops',
    wanted: '1',
    why: 'an oops kills a task and leaves a broken kernel running',
    isSet: true,
  },
  {
    name: 'kernel.softlockup_panic',
    wanted: '1',
    why: 'a CPU stuck in the kernel is only reported',
    isSet: true,
  },
  {
    name: 'kernel.hardlockup_panic',
    wanted: '1',
    why: 'a CPU stuck with interrupts off is only reported',
    isSet: true,
  },
  {
    name: 'kernel.panic_on_unrecovered_nmi',
    wanted: '1',
    why: 'an NMI of unknown cause is only reported',
    isSet: true,
  },
  {
    name: 'kernel.panic_on_io_nmi',
    wanted: '1',
    why: 'an NMI for an I/O error is only reported',
    isSet: true,
  },
  {
    name: 'kernel.unknown_nmi_panic',
    wanted: '1',
    why: 'an NMI sent by an operator is only reported',
    isSet: false,
  },
  {
    name: 'kernel.hung_task_panic',
    wanted: '1',
    why: 'tasks that wait forever are only reported',
    isSet: false,
  },
];

export interface SysctlState extends Sysctl {
  /** Undefined if the kernel does not have it. */
  readonly value: string | undefined;
}

const FILE = '/etc/sysctl.d/60-kdumpling.conf';
/** The previous values, so that `disable` can restore them. */
const BEFORE = '/var/lib/kdumpling/sysctls.json';

export function readSysctls(host: Host): SysctlState[] {
  return SYSCTLS.map(sysctl => ({ ...sysctl, value: host.read(pathOf(sysctl.name))?.trim() }));
}

/** Sets them now and for the next boots; in an image, whose kernel may lack some, for the next boots. */
export function setSysctls(host: Host): void {
  const states = readSysctls(host).filter(
    ({ isSet, value }) => isSet && (host.isImage || value !== undefined),
  );
  if (!host.exists(BEFORE)) {
    const before = Object.fromEntries(states.map(({ name, value }) => [name, value]));
    host.write(BEFORE, `${JSON.stringify(before, null, 2)}\n`);
  }
  // A line with a dash is not missed where the kernel lacks the setting (sysctl.d(5)).
  const mayLack = host.isImage ? '-' : '';
  const lines = states.map(({ name, wanted, why }) => `# otherwise ${why}\n${mayLack}${name} = ${wanted}\n`);
  host.write(
    FILE,
    `# Written by \`kdumpling enable --set-sysctls\`, removed by \`kdumpling disable\`.\n${lines.join('')}`,
  );
  for (const { name, wanted } of host.isImage ? [] : states) host.set(pathOf(name), wanted);
}

/**
 * Undoes setSysctls; values that somebody else has changed since are left alone.
 * @throws SystemError when the previous values cannot be read.
 */
export function unsetSysctls(host: Host): void {
  const before = readState(host, {
    path: BEFORE,
    action: 'restore the kernel settings that enable --set-sysctls changed',
    wanted: 'the previous values as JSON',
    toDo: `remove ${BEFORE} and ${FILE}: the next boot has the previous values`,
    isValid: (value): value is Record<string, string> =>
      isRecord(value) && Object.values(value).every(one => typeof one === 'string'),
  });
  if (!before) return;
  for (const { name, wanted, value } of readSysctls(host)) {
    if (Object.hasOwn(before, name) && value === wanted) host.set(pathOf(name), before[name]!);
  }
  host.remove(FILE);
  host.remove(BEFORE);
}

function pathOf(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}
