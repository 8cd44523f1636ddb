/** Who sits at the serial console, as data: what is typed when a line appears, and when the plug is pulled. */

export type DialogueStep =
  | { readonly after: RegExp; readonly type: string }
  /** For a machine that is to stay as it is: it has this long to show that it does. */
  | { readonly after: RegExp; readonly pullPlugAfterSeconds: number };

/** Takes the console's lines, and does each step in turn once its line has come. */
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
