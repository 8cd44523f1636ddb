/** The `crashkernel=` words of a kernel command line: there may be several, and they are found, replaced and removed together. */

export const PARAMETER = 'crashkernel';

/** Values in their order: `['512M,high', '72M,low']`. */
export type CrashkernelValues = readonly string[];

/** @param text a command line, or a line of a file that holds one in quotes. */
export function crashkernelValues(text: string): CrashkernelValues {
  const words = text.split(/[\s"']+/).filter(word => word.startsWith(`${PARAMETER}=`));
  return words.map(word => word.slice(PARAMETER.length + 1));
}

/** As they stand on a command line. */
export function crashkernelWords(values: CrashkernelValues): string {
  return values.map(value => `${PARAMETER}=${value}`).join(' ');
}

const WORD = `${PARAMETER}=[^\\s"']*`;

/**
 * The command line with these values and no others, at the place of the first word or at the end; none takes them out. A
 * word begins where `crashkernelValues` finds one: after a blank or a quote.
 */
export function withCrashkernel(commandLine: string, values: CrashkernelValues): string {
  if (values.length === 0) {
    const rest = commandLine.replace(new RegExp(`(^|["'])(?:${WORD}(?:\\s+|(?=["']|$)))+`, 'g'), '$1');
    return rest.replace(new RegExp(`\\s${WORD}`, 'g'), '');
  }
  let placed = false;
  const replaced = commandLine.replace(new RegExp(`(^|[\\s"'])${WORD}`, 'g'), (_, before: string) => {
    if (placed) return /["']/.test(before) ? before : '';
    placed = true;
    return `${before}${crashkernelWords(values)}`;
  });
  if (placed) return replaced;
  return `${commandLine}${commandLine === '' ? '' : ' '}${crashkernelWords(values)}`;
}

/** A file with these values in each line that has one; none takes them out. */
export function replaceCrashkernel(text: string, values: CrashkernelValues): string {
  const change = (line: string) =>
    crashkernelValues(line).length === 0 ? line : withCrashkernel(line, values);
  return text.split('\n').map(change).join('\n');
}
