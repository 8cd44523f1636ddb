/**
 * The verbs of `kdumpling`, one file each, which is read when the verb is called: what one verb needs must not slow another.
 * The help, the manual page and the shells' completion are made from this table.
 */
import { type Command, EXIT, EXIT_MEANINGS } from './lib/cli/command.ts';
import type { Options } from './lib/cli/help.ts';
import { KDUMP_HELPER } from './lib/cli/program-files.ts';

type Verb = () => Promise<Command<Options>>;

interface VerbGroup {
  readonly title: string;
  readonly verbs: Readonly<Record<string, Verb>>;
}

/** In the order of the help. Each verb takes options of its own; here they are only called. */
export const VERB_GROUPS: readonly VerbGroup[] = [
  {
    title: 'Arm this machine',
    verbs: {
      enable: verb(async () => (await import('./verbs/enable.ts')).enable),
      disable: verb(async () => (await import('./verbs/disable.ts')).disable),
      show: verb(async () => (await import('./verbs/show.ts')).show),
      load: verb(async () => (await import('./verbs/load.ts')).load),
      unload: verb(async () => (await import('./verbs/unload.ts')).unload),
      rebuild: verb(async () => (await import('./verbs/rebuild.ts')).rebuild),
      estimate: verb(async () => (await import('./verbs/estimate.ts')).estimate),
      test: verb(async () => (await import('./verbs/test.ts')).test),
      'import-config': verb(async () => (await import('./verbs/import-config.ts')).importConfigVerb),
    },
  },
  {
    title: 'Manage dumps',
    verbs: {
      list: verb(async () => (await import('./verbs/list.ts')).list),
      info: verb(async () => (await import('./verbs/info.ts')).info),
      verify: verb(async () => (await import('./verbs/verify.ts')).verify),
      upload: verb(async () => (await import('./verbs/upload.ts')).upload),
      recover: verb(async () => (await import('./verbs/recover.ts')).recover),
      cleanup: verb(async () => (await import('./verbs/cleanup.ts')).cleanup),
    },
  },
  {
    title: 'Analyse a crash',
    verbs: {
      debug: verb(async () => (await import('./verbs/debug.ts')).debug),
      report: verb(async () => (await import('./verbs/report.ts')).report),
      dmesg: verb(async () => (await import('./verbs/dmesg.ts')).dmesg),
      bt: verb(async () => (await import('./verbs/bt.ts')).bt),
      ps: verb(async () => (await import('./verbs/ps.ts')).ps),
      sym: verb(async () => (await import('./verbs/sym.ts')).sym),
      struct: verb(async () => (await import('./verbs/struct.ts')).struct),
      log: verb(async () => (await import('./verbs/log.ts')).log),
      mod: verb(async () => (await import('./verbs/mod.ts')).mod),
      mem: verb(async () => (await import('./verbs/mem.ts')).mem),
      mounts: verb(async () => (await import('./verbs/mounts.ts')).mounts),
      files: verb(async () => (await import('./verbs/files.ts')).files),
      locks: verb(async () => (await import('./verbs/locks.ts')).locks),
      dump: verb(async () => (await import('./verbs/dump.ts')).dump),
    },
  },
];

export const VERBS: Readonly<Record<string, Verb>> = Object.assign(
  {},
  ...VERB_GROUPS.map(({ verbs }) => verbs),
);

/** Under the name of COS's tool, its verbs. */
export const KDUMP_HELPER_VERBS: readonly string[] = ['enable', 'disable', 'cleanup', 'show'];

/** Among them crash's names. */
export const ALIASES: Readonly<Record<string, string>> = { status: 'show', mount: 'mounts', kmem: 'mem' };

/** @param program the name we were called by. */
export function findVerb(program: string, name: string): Verb | undefined {
  const real = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
  if (program === KDUMP_HELPER && !KDUMP_HELPER_VERBS.includes(real)) return undefined;
  return Object.hasOwn(VERBS, real) ? VERBS[real] : undefined;
}

export async function verbsHelp(program: string): Promise<string> {
  const groups = await Promise.all(VERB_GROUPS.map(group => groupHelp(program, group)));
  return [
    `${program}: captures kernel crashes`,
    '',
    `usage: ${program} VERB [OPTION]… [ARGUMENT]…`,
    ...groups.flat(),
    '',
    row('help', 'print this text; every verb has --help and --version'),
    '',
    'exit codes:',
    ...Object.entries(EXIT_MEANINGS).map(([name, meaning]) =>
      row(String(EXIT[name as keyof typeof EXIT]), meaning),
    ),
  ].join('\n');
}

async function groupHelp(program: string, { title, verbs }: VerbGroup): Promise<string[]> {
  const found = Object.keys(verbs).filter(name => findVerb(program, name));
  const rows = await Promise.all(found.map(async name => row(name, (await verbs[name]!()).purpose)));
  return rows.length === 0 ? [] : ['', `${title}:`, ...rows];
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(15)}${text}`;
}

function verb<T extends Options>(load: () => Promise<Command<T>>): Verb {
  return load as unknown as Verb;
}
