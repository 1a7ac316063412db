import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SplitName } from '../../../src/data/manifest.js';
import { assignSplits, type SplitItem } from '../../../src/data/split.js';

const itemsOf = (sizes: readonly number[]): SplitItem[] =>
  sizes.flatMap((size, label) =>
    Array.from({ length: size }, (_, i) => ({ id: `${label}/${i}.png`, label })),
  );

const count = (splits: readonly SplitName[], split: SplitName): number =>
  splits.filter((other) => other === split).length;

const fractions = fc
  .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10 }), fc.nat(10))
  .map(([train, val, test]) => {
    const sum = train + val + test;
    return { train: train / sum, val: val / sum, test: test / sum };
  });

describe('assignSplits', () => {
  it('gives 80/20 of each class and of the whole where they are whole numbers', () => {
    const splits = assignSplits(itemsOf([50, 100]), { train: 0.8, val: 0.2, test: 0 }, 2, 1);
    expect(count(splits.slice(0, 50), 'val')).toBe(10);
    expect(count(splits.slice(50), 'val')).toBe(20);
    expect(count(splits, 'test')).toBe(0);
  });

  it('rounds by largest remainders: 0.2 of 4, 7 and 9 are 0.8, 1.4 and 1.8, 4 in all', () => {
    const splits = assignSplits(itemsOf([4, 7, 9]), { train: 0.8, val: 0.2, test: 0 }, 3, 1);
    const perClass = [splits.slice(0, 4), splits.slice(4, 11), splits.slice(11)];
    expect(perClass.map((part) => count(part, 'val'))).toEqual([1, 1, 2]);
  });

  it('keeps totals within one of the fractions where classes are large enough', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 60, max: 200 }), { minLength: 1, maxLength: 12 }),
        fractions,
        fc.nat(),
        (sizes, split, seed) => {
          const items = itemsOf(sizes);
          const splits = assignSplits(items, split, sizes.length, seed);
          for (const name of ['train', 'val', 'test'] as const) {
            const gap = Math.abs(count(splits, name) - split[name] * items.length);
            expect(gap).toBeLessThanOrEqual(1 + 1e-9);
          }
        },
      ),
    );
  });

  it('gives every class of two or more something in train and val, of three or more also in test', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 30 }), { minLength: 1, maxLength: 12 }),
        fractions,
        fc.nat(),
        (sizes, split, seed) => {
          const items = itemsOf(sizes);
          const splits = assignSplits(items, split, sizes.length, seed);
          sizes.forEach((size, label) => {
            const part = splits.filter((_, i) => items[i]!.label === label);
            expect(part).toHaveLength(size);
            expect(count(part, 'train')).toBeGreaterThan(0);
            expect(count(part, 'val')).toBeGreaterThan(0);
            if (split.test > 0 && size > 2) expect(count(part, 'test')).toBeGreaterThan(0);
            if (split.test === 0) expect(count(part, 'test')).toBe(0);
          });
        },
      ),
    );
  });

  it('does not depend on the order of the files', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(itemsOf([20, 30, 7]), { minLength: 57 }),
        fc.nat(),
        (shuffled, seed) => {
          const split = { train: 0.7, val: 0.2, test: 0.1 };
          const byId = (items: SplitItem[]): Record<string, SplitName> => {
            const splits = assignSplits(items, split, 3, seed);
            return Object.fromEntries(items.map(({ id }, i) => [id, splits[i]!]));
          };
          expect(byId(shuffled)).toEqual(byId(itemsOf([20, 30, 7])));
        },
      ),
      { numRuns: 30 },
    );
  });

  it('draws differently for another seed', () => {
    const split = { train: 0.5, val: 0.5, test: 0 };
    const items = itemsOf([40]);
    expect(assignSplits(items, split, 1, 1)).not.toEqual(assignSplits(items, split, 1, 2));
  });

  it('moves few samples when one file is gone', () => {
    const split = { train: 0.8, val: 0.2, test: 0 };
    const items = itemsOf([50, 50]);
    const before = assignSplits(items, split, 2, 4);
    const after = assignSplits(items.slice(1), split, 2, 4);
    const moved = after.filter((name, i) => name !== before[i + 1]);
    expect(moved.length).toBeLessThanOrEqual(2);
  });
});
