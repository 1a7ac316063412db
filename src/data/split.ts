import type { SplitFractions } from '../config/run-spec.js';
import type { SplitName } from './manifest.js';
import { hash32 } from './rng.js';

/** What a split decides on: a sample's stable name and class. */
export interface SplitItem {
  readonly id: string;
  readonly label: number;
}

/** The smallest class that can be split in train and val. */
export const minClassSize = 2;

/**
 * Splits samples in train, val and test, stratified: in each class by the fractions, such that the totals over all
 * classes are the fractions too (rounded). Every class of 2 or more has something in train and in val, of 3 or more
 * also in test, where the fraction is not 0. Which samples go where depends on (seed, id) alone: not on the order of
 * `items`, nor on the host. Returns the split of each item, in the order of `items`.
 */
export function assignSplits(
  items: readonly SplitItem[],
  fractions: SplitFractions,
  numClasses: number,
  seed: number,
): SplitName[] {
  const members = Array.from({ length: numClasses }, (): { place: number; key: number }[] => []);
  items.forEach(({ id, label }, place) => {
    members[label]!.push({ place, key: hash32(seed, 'split', id) });
  });
  const sizes = members.map((list) => list.length);
  const { train, val, test } = fractions;

  // Held out from training, then test out of that: whole numbers at each stage, so that rows and totals add up.
  const leastTest = sizes.map((size) => (test > 0 && size > minClassSize ? 1 : 0));
  const held = apportion(
    sizes.map((size) => size * (val + test)),
    sizes.map((size, c) => Math.min(size, (val > 0 ? 1 : 0) + leastTest[c]!)),
    sizes.map((size) => Math.max(0, size - (train > 0 ? 1 : 0))),
  );
  const tested = apportion(
    sizes.map((size) => size * test),
    leastTest,
    held.map((count) => Math.max(0, count - (val > 0 ? 1 : 0))),
  );

  const splits = new Array<SplitName>(items.length).fill('train');
  members.forEach((list, c) => {
    list.sort((a, b) => a.key - b.key || (items[a.place]!.id < items[b.place]!.id ? -1 : 1));
    list.slice(0, held[c]).forEach(({ place }, rank) => {
      splits[place] = rank < tested[c]! ? 'test' : 'val';
    });
  });
  return splits;
}

/**
 * Whole numbers near `quotas`, within [low, high] each, that sum to the rounded sum of the quotas (or as near as the
 * bounds allow): largest remainders (Hamilton's method), the first one among equals.
 */
function apportion(
  quotas: readonly number[],
  low: readonly number[],
  high: readonly number[],
): number[] {
  const counts = quotas.map((quota, i) =>
    Math.max(low[i]!, Math.min(high[i]!, Math.floor(quota + 1e-9))),
  );
  const wanted = Math.round(quotas.reduce((sum, quota) => sum + quota, 0));
  let missing = wanted - counts.reduce((sum, count) => sum + count, 0);
  while (missing !== 0) {
    const step = Math.sign(missing);
    let best = -1;
    let bestGap = -Infinity;
    counts.forEach((count, i) => {
      const isFree = step > 0 ? count < high[i]! : count > low[i]!;
      const gap = step * (quotas[i]! - count);
      if (isFree && gap > bestGap) {
        best = i;
        bestGap = gap;
      }
    });
    if (best < 0) break;
    counts[best]! += step;
    missing -= step;
  }
  return counts;
}
