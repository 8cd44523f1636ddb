/** How a triage dump is compressed. */

/**
 * A tenth smaller than by the level for when space is short, and six times the work of it: 1 to 2 ms a page, of which there are
 * some thousand. Higher levels gain 2 % more and take four times as long again. Any level takes the same memory for a page.
 */
export const TRIAGE_CODEC = { name: 'zstd', level: 12 } as const;
