/** The verbs of `kdumpling`, one file each, which is read when the verb is called: what one needs must not slow another. */
import { type Command, EXIT, type Options } from './lib/cli/command.ts';

type Verb = () => Promise<Command<Options>>;

/** In the order of the help. Each verb takes its own options; here they are only called. */
export const VERBS: Readonly<Record<string, Verb>> = {
  enable: verb(async () => (await import('./verbs/enable.ts')).enable),
  disable: verb(async () => (await import('./verbs/disable.ts')).disable),
  cleanup: verb(async () => (await import('./verbs/cleanup.ts')).cleanup),
  show: verb(async () => (await import('./verbs/show.ts')).show),
  load: verb(async () => (await import('./verbs/load.ts')).load),
  unload: verb(async () => (await import('./verbs/unload.ts')).unload),
  rebuild: verb(async () => (await import('./verbs/rebuild.ts')).rebuild),
  estimate: verb(async () => (await import('./verbs/estimate.ts')).estimate),
  test: verb(async () => (await import('./verbs/test.ts')).test),
  list: verb(async () => (await import('./verbs/list.ts')).list),
  info: verb(async () => (await import('./verbs/info.ts')).info),
  dmesg: verb(async () => (await import('./verbs/dmesg.ts')).dmesg),
  report: verb(async () => (await import('./verbs/report.ts')).report),
  upload: verb(async () => (await import('./verbs/upload.ts')).upload),
  verify: verb(async () => (await import('./verbs/verify.ts')).verify),
  recover: verb(async () => (await import('./verbs/recover.ts')).recover),
  dump: verb(async () => (await import('./verbs/dump.ts')).dump),
};

/** Under COS's name, COS's verbs. */
export const KDUMP_HELPER = 'kdump_helper';
const KDUMP_HELPER_VERBS = ['enable', 'disable', 'cleanup', 'show'];

const ALIASES: Readonly<Record<string, string>> = { status: 'show' };

/** @param program the name we were called by. */
export function findVerb(program: string, name: string): Verb | undefined {
  const real = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
  if (program === KDUMP_HELPER && !KDUMP_HELPER_VERBS.includes(real)) return undefined;
  return Object.hasOwn(VERBS, real) ? VERBS[real] : undefined;
}

export async function verbsHelp(program: string): Promise<string> {
  const rows: string[] = [];
  for (const name of Object.keys(VERBS)) {
    const found = findVerb(program, name);
    if (found) rows.push(`  ${name.padEnd(12)}${(await found()).purpose}`);
  }
  return [
    `${program}: captures kernel crashes`,
    '',
    `usage: ${program} VERB [OPTION]…`,
    '',
    ...rows,
    `  ${'help'.padEnd(12)}this text; every verb has --help`,
    '',
    `exit codes: ${EXIT.done} done; ${EXIT.failed} failed; ${EXIT.usage} wrong usage; ${EXIT.notOperational} not operational (show)`,
  ].join('\n');
}

function verb<T extends Options>(load: () => Promise<Command<T>>): Verb {
  return load as unknown as Verb;
}
