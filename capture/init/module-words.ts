/**
 * Words of the kernel's command line that are meant for modules: `nvme.max_host_mem_size_mb=0`, `modprobe.blacklist=a,b`,
 * `module_blacklist=c`. The kernel applies the first kind to what is built into it, and leaves those of loadable modules to
 * whoever loads them, as modprobe(8) does. initrd/early.sh does the same for the modules that it loads.
 */

/** As the kernel, which compares names with `-` and `_` as equal. */
function canonical(name: string): string {
  return name.replaceAll('-', '_');
}

export interface ModuleWords {
  /** In the order of the command line. Of a parameter that is given twice, the module decides what counts. */
  parametersOf(module: string): readonly string[];
  /** The word that forbids a module; undefined where none does. The kernel itself enforces `module_blacklist`. */
  blacklistOf(module: string): 'modprobe.blacklist' | 'module_blacklist' | undefined;
}

/** @param commandLine the text of /proc/cmdline. */
export function readModuleWords(commandLine: string): ModuleWords {
  const parameters = new Map<string, string[]>();
  const refused = new Set<string>();
  const unwanted = new Set<string>();
  for (const word of kernelWords(commandLine)) {
    const [, quote, name, parameter] = /^("?)([\w-]+)\.(.+)$/s.exec(word) ?? [];
    const list = /^"?(?:modprobe\.blacklist|(module_blacklist))="?([^"]*)/.exec(word);
    for (const module of list?.[2].split(',') ?? []) (list![1] ? refused : unwanted).add(canonical(module));
    if (name === undefined || list) continue;
    const module = canonical(name);
    parameters.set(module, [...(parameters.get(module) ?? []), `${quote}${parameter}`]);
  }
  return {
    parametersOf: module => parameters.get(canonical(module)) ?? [],
    blacklistOf(module) {
      if (refused.has(canonical(module))) return 'module_blacklist';
      return unwanted.has(canonical(module)) ? 'modprobe.blacklist' : undefined;
    },
  };
}

/**
 * The command line in words as the kernel cuts it (Linux lib/cmdline.c, next_arg): at white space outside of double quotes,
 * up to `--`, behind which the words are init's. The quotes stay, because a module's parameters are read by the same rules.
 */
function kernelWords(commandLine: string): readonly string[] {
  const words: readonly string[] = commandLine.match(/(?:"[^"]*(?:"|$)|[^\s"])+/g) ?? [];
  const end = words.indexOf('--');
  return end < 0 ? words : words.slice(0, end);
}
