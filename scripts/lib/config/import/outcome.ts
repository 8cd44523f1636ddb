/** What becomes of one setting of another program. */

/** `collector`: flags of core_collector, which several settings make up together. */
export type Outcome =
  | {
      readonly kind: 'taken';
      readonly lines?: readonly string[];
      readonly collector?: string;
      readonly why?: string;
    }
  /** It asks for what kdumpling does anyway. */
  | { readonly kind: 'same'; readonly why: string }
  | { readonly kind: 'left out'; readonly why: string };

export const taken = (...lines: readonly string[]): Outcome => ({ kind: 'taken', lines });
export const collector = (flags: string): Outcome => ({ kind: 'taken', collector: flags });
export const same = (why: string): Outcome => ({ kind: 'same', why });
export const leftOut = (why: string): Outcome => ({ kind: 'left out', why });

/** How the settings of a program are read: a value that is not empty becomes an outcome. */
export type Conversions = Readonly<Record<string, (value: string) => Outcome>>;

export const LOCAL_DISK = 'dumps go to a local disk; `kdumpling upload` and notify_url send them on';
export const NO_HOOKS = 'the capture runs no other programs';
export const OWN_KERNEL = 'kdumpling loads the running kernel with an initrd that it builds';
export const OWN_KEXEC = 'kdumpling calls kexec_file_load itself';
export const OWN_LOGGING = 'kdumpling logs each step to the console, in any case';
export const OTHER_MACHINES = 'only machines with firmware-assisted dumps have it';

/** @param value a whole number, or what makes no sense, which is left out */
export function numberOutcome(value: string, convert: (number: number) => Outcome): Outcome {
  return /^-?\d+$/.test(value) ? convert(Number(value)) : leftOut(`"${value}" is not a number`);
}

/** The command that a program runs, or the answer to a yes or no. */
export function failureAction(value: string): Outcome {
  if (/\b(ba|da|k|z)?sh\b/.test(value)) return taken('failure_action shell');
  const action = /\b(reboot|poweroff|halt)\b/.exec(value)?.[1];
  return action ? taken(`failure_action ${action}`) : leftOut(NO_HOOKS);
}
