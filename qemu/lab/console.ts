/** Which lines of the serial console a person sees while a crash runs. */

/** All of them, or those that tell the story: the guest's stations, the panic, and the capture program's own. */
export function consoleLines(all: boolean): (text: string) => void {
  if (all) return text => console.log(text);
  return text => {
    if (/^lab: (armed|came home|gave up)|Kernel panic|kdumpling: /.test(text)) console.log(`  | ${text}`);
  };
}
