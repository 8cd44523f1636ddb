/**
 * A machine that is N times as fast, as far as memory goes: whatever the kernel counts in seconds is N times as long, so that
 * the program does as much within it as it would there. And the program begins only when what booted before it is as old as
 * it would be on such a machine: pages of the boot must not stand in for pages of the program.
 */

/** Counted in seconds by the kernel: the time within which pages that were used are not dropped. In milliseconds. */
const MIN_TTL = '/sys/kernel/mm/lru_gen/min_ttl_ms';
/** Longer than the time that a capture program could ask for, which is one second. */
const BOOT_SECONDS = 1.1;

/** @returns lines for the early stage, before Node starts; empty for this machine's own speed. */
export function asFastAs(speed: number): string {
  if (speed === 1) return '';
  return [
    `ttl=$($bb cat ${MIN_TTL} 2> /dev/null)`,
    `[ "\${ttl:-0}" = 0 ] || echo $((ttl * ${speed})) > ${MIN_TTL}`,
    `$bb sleep ${Math.ceil(speed * BOOT_SECONDS)}`,
  ].join('\n');
}
