import type { RunSpec } from '../config/run-spec.js';
import { imagesName } from '../models/network.js';
import type { PreparedPhase } from '../models/prepared-phase.js';

/**
 * Whether a phase's features are kept in the cache. Images that are their own features are not: to make them again takes no longer than to read
 * them, at four times the size of the pixels; layers without weights before the first that is trained count as none (split-point.ts).
 */
export function areCached(
  { boundaries }: Pick<PreparedPhase, 'boundaries'>,
  { cache, data }: Pick<RunSpec, 'cache' | 'data'>,
): boolean {
  if (boundaries.every((name) => name === imagesName)) return false;
  // A fresh view of each epoch never is wanted again.
  return cache.features ?? data.views !== null;
}
