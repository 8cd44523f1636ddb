/** The files of /proc that a machine printed just before it crashed (qemu/guest/guest-view.sh). */

/** The lines of each file, by its name below /proc: `meminfo`, `1/task/1/stat`. */
export type GuestView = ReadonlyMap<string, readonly string[]>;

const LINE = /^lab: view (\S+) ?(.*)$/;

/** Undefined where the machine did not print all of it. @param lines of the serial console. */
export function readGuestView(lines: readonly string[]): GuestView | undefined {
  const begin = lines.indexOf('lab: view begin');
  const end = lines.indexOf('lab: view end');
  if (begin < 0 || end < begin) return undefined;
  const files = new Map<string, string[]>();
  for (const line of lines.slice(begin + 1, end)) {
    const [, file, text] = LINE.exec(line) ?? [];
    if (file === undefined) continue;
    const known = files.get(file);
    if (known) known.push(text!);
    else files.set(file, [text!]);
  }
  return files;
}

export function linesOf(view: GuestView, file: string): readonly string[] {
  return view.get(file) ?? [];
}

/** What two views of the same thing have in common. */
export interface Agreement {
  /** Rows or values of the guest's that were compared. */
  readonly compared: number;
  /** One sentence each. */
  readonly differences: readonly string[];
  /** What was not compared, or allowed to differ, and why. */
  readonly notes: readonly string[];
}

/** Both ways: what the guest had and is not in the dump, and the other way round. Order does not count. */
export function compareRows(guests: readonly string[], ours: readonly string[]): Agreement {
  const left = [...ours];
  const missing = guests.filter(row => {
    const at = left.indexOf(row);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return {
    compared: guests.length,
    differences: [...missing.map(row => `the guest had ${row}`), ...left.map(row => `the dump has ${row}`)],
    notes: [],
  };
}
