/** The configuration that a kernel holds when it was built with CONFIG_IKCONFIG (Linux kernel/configs.c). */
import { gunzipSync } from 'node:zlib';

const [BEGIN, END] = ['IKCFG_ST', 'IKCFG_ED'];

/** @param kernel the kernel itself, unpacked */
export function embeddedConfig(kernel: Buffer): string | undefined {
  const begin = kernel.indexOf(BEGIN);
  if (begin < 0) return undefined;
  const end = kernel.indexOf(END, begin);
  if (end < 0) return undefined;
  return gunzipSync(kernel.subarray(begin + BEGIN.length, end)).toString();
}
