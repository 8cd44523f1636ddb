/** What makes a kernel "tainted": kernel/panic.c, taint_flags; Documentation/admin-guide/tainted-kernels.rst. */

export interface Taint {
  readonly letter: string;
  readonly meaning: string;
}

const MEANINGS: Readonly<Record<string, string>> = {
  P: 'a proprietary module was loaded',
  F: 'a module was loaded by force',
  S: 'the kernel runs on hardware out of its specification',
  R: 'a module was unloaded by force',
  M: 'the processor reported a machine check',
  B: 'a bad page was seen',
  U: 'a program asked for the taint',
  D: 'the kernel had an oops or BUG before',
  A: 'an ACPI table was replaced',
  W: 'there was a warning before',
  C: 'a staging driver was loaded',
  I: 'the firmware has a bug that is worked around',
  O: 'a module from outside of the kernel tree was loaded',
  E: 'a module without signature was loaded',
  L: 'there was a soft lockup before',
  K: 'the kernel was live-patched',
  X: 'the distribution says so',
  T: 'structures are laid out at random',
  N: 'an in-kernel test was run',
  J: 'a program used a driver’s dangerous way in',
};

/** From the report's line "CPU: … Tainted: G        W  OE  6.1.0 …"; from 6.12 on "Tainted: [W]=WARN, [O]=OOT_MODULE". */
export function findTaint(report: readonly string[]): Taint[] {
  const flags = report.map(line => /\bTainted: ([A-Z ]+?)(?= +\d|$)/.exec(line)?.[1]).find(Boolean) ?? '';
  return [...flags.replace(/[ G]/g, '')].map(letter => ({
    letter,
    meaning: MEANINGS[letter] ?? 'unknown to us',
  }));
}
