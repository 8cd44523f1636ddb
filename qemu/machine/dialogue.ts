/** A person at the serial console, as data: what is typed when a line appears, and when the power is cut. */

export type DialogueStep =
  | { readonly after: RegExp; readonly type: string }
  /** For a machine that must stay halted: the power is cut after this time, unless something reset the machine before. */
  | { readonly after: RegExp; readonly pullPlugAfterSeconds: number };

/** Returns a function that takes the console's lines and does each step in turn when its line has appeared. */
export function openDialogue(
  steps: readonly DialogueStep[],
  machine: { type(text: string): void; pullPlug(): void },
): (line: string) => void {
  let next = 0;
  return line => {
    const step = steps[next];
    if (!step?.after.test(line)) return;
    next += 1;
    if ('type' in step) machine.type(step.type);
    else setTimeout(() => machine.pullPlug(), step.pullPlugAfterSeconds * 1000).unref();
  };
}
