import { expect, test } from 'vitest';
import { PLATFORMS } from '../../../build/parts/platform.ts';
import { BLOCK_KIB } from '../../../build/runtime.ts';

/** Of the platform's kernels; Linux has more, which none of the distributions uses. */
const PAGE_KIB = { x64: [4], arm64: [4, 16, 64] } as const;

test.each(PLATFORMS)(
  'each kernel of $node mounts the runtime image: its blocks are no smaller than a page',
  platform => {
    for (const pageKib of PAGE_KIB[platform.node]) expect(BLOCK_KIB).toBeGreaterThanOrEqual(pageKib);
  },
);
