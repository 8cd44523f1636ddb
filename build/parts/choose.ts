/** The parts for an architecture, wherever they come from. */
import type { Cache } from '../cache.ts';
import { foreignParts } from './foreign-parts.ts';
import { hostParts } from './host-parts.ts';
import type { Parts } from './parts.ts';
import { platformNamed } from './platform.ts';

/** @param name as `platformNamed` takes it. */
export function partsFor(cache: Cache, name?: string): Promise<Parts> | Parts {
  const platform = platformNamed(name);
  return platform === platformNamed() ? hostParts() : foreignParts(cache, platform);
}
