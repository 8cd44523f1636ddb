/** What is done to the machine when a line appears on its serial console, as data: a person's typing, or the monitor's work. */

/** A command of QEMU's machine protocol. */
export interface MonitorStep {
  readonly after: RegExp;
  readonly execute: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

export type DialogueStep =
  | MonitorStep
  | { readonly after: RegExp; readonly type: string }
  /** For a machine that must stay halted: the power is cut after this time, unless something reset the machine before. */
  | { readonly after: RegExp; readonly pullPlugAfterSeconds: number };

/** Returns a function that takes the console's lines and does each step in turn when its line has appeared. */
export function openDialogue(
  steps: readonly DialogueStep[],
  machine: {
    type(text: string): void;
    pullPlug(): void;
    execute(command: string, args: MonitorStep['args']): void;
  },
): (line: string) => void {
  let next = 0;
  return line => {
    const step = steps[next];
    if (!step?.after.test(line)) return;
    next += 1;
    if ('type' in step) machine.type(step.type);
    else if ('execute' in step) machine.execute(step.execute, step.args);
    else setTimeout(() => machine.pullPlug(), step.pullPlugAfterSeconds * 1000).unref();
  };
}
