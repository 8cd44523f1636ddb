/** `kdumpling.<option>=<value>` words of the crash kernel's command line override the options in the image. */
import { type CaptureOptions, checkNamedOption } from './schema.ts';

/**
 * Applies the `kdumpling.<option>=<value>` words of a kernel command line. An invalid word is ignored with a warning: a typing
 * mistake must not cost the dump.
 */
export function overrideOptions(
  options: CaptureOptions,
  cmdline: string,
): { options: CaptureOptions; warnings: string[] } {
  const overridden: Record<string, unknown> = { ...options };
  const warnings: string[] = [];
  for (const word of cmdline.split(/\s+/)) {
    const match = /^kdumpling\.([A-Za-z]+)=(.*)$/.exec(word);
    if (!match) continue;
    const [, name, value] = match;
    try {
      overridden[name] = checkNamedOption(name, value);
    } catch (error) {
      warnings.push((error as Error).message);
    }
  }
  return { options: overridden as unknown as CaptureOptions, warnings };
}
