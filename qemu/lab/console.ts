/** Which lines of the serial console a person sees during a run. */

/** All lines, or the important ones: the guest's stations, the panic, and what the capture prints. */
export function consoleLines(all: boolean, say = console.log): (text: string) => void {
  if (all) return text => say(text);
  return text => {
    if (/^lab: (armed|came home|gave up)|Kernel panic|kdumpling: /.test(text)) say(`  | ${text}`);
  };
}
