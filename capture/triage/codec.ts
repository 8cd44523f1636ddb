/**
 * How a triage dump is compressed. Pages of Debian's 6.1 and 7.2 by level: 3 in 90 and 99 ms, 5 in 130 ms and 3 % smaller, 6 to 10
 * no smaller, 12 in 610 and 710 ms and 13 % smaller than 5, 15 twice that and 1 % smaller. Any takes the same memory for a page.
 */

/** After a crash: a machine is down while it is written, and 12 took a tenth of the time from the panic to the reboot. */
export const SCENE_TRIAGE_CODEC = { name: 'zstd', level: 5 } as const;

/** Of a dump at leisure, which is made to be sent. */
export const TRIAGE_CODEC = { name: 'zstd', level: 12 } as const;
