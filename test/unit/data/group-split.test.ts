import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignGroupSplits, type GroupedItem } from '../../../src/data/group-split.js';
import { type SplitName } from '../../../src/data/manifest.js';
import { permutation } from '../../../src/data/rng.js';
import { FtctlError } from '../../../src/errors/index.js';

const fractions = { train: 0.6, val: 0.2, test: 0.2 };

/** `[group, label, count]` rows as samples. */
const samples = (rows: readonly (readonly [string, number, number])[]): GroupedItem[] =>
  rows.flatMap(([group, label, count], row) =>
    Array.from({ length: count }, (_, i) => ({ id: `${row}-${i}`, label, group })),
  );

/** Random samples of up to 5 classes in up to 30 groups, of which some have several classes. */
const items = fc
  .record({
    numClasses: fc.integer({ min: 2, max: 5 }),
    rows: fc.array(fc.tuple(fc.nat(29), fc.nat(4), fc.integer({ min: 1, max: 6 })), {
      minLength: 3,
      maxLength: 40,
    }),
  })
  .map(({ numClasses, rows }) => ({
    numClasses,
    items: samples(rows.map(([group, label, count]) => [`g${group}`, label % numClasses, count])),
  }));

type Outcome = { splits: SplitName[] } | { code: string };

function outcome(
  list: readonly GroupedItem[],
  numClasses: number,
  seed = 7,
  parts = fractions,
): Outcome {
  try {
    return { splits: assignGroupSplits(list, parts, numClasses, seed) };
  } catch (error) {
    if (error instanceof FtctlError) return { code: error.code };
    throw error;
  }
}

describe('splitting by groups', () => {
  it('never puts a group in two splits, and every class in train', () => {
    fc.assert(
      fc.property(items, fc.nat(1000), ({ items: list, numClasses }, seed) => {
        const made = outcome(list, numClasses, seed);
        if ('code' in made) {
          expect(made.code).toBe('FT_DATA_GROUPS_TOO_FEW');
          return;
        }
        const splitOfGroup = new Map<string, SplitName>();
        list.forEach(({ group }, i) => {
          const split = splitOfGroup.get(group) ?? made.splits[i]!;
          expect(made.splits[i]).toBe(split);
          splitOfGroup.set(group, split);
        });
        const trained = new Set(
          list.filter((_, i) => made.splits[i] === 'train').map((s) => s.label),
        );
        expect(trained).toEqual(new Set(list.map(({ label }) => label)));
        expect(new Set(made.splits)).toEqual(new Set(['train', 'val', 'test']));
      }),
      { numRuns: 300 },
    );
  });

  it('depends on groups, labels and the seed, not on the order of the samples', () => {
    fc.assert(
      fc.property(items, fc.nat(1000), ({ items: list, numClasses }, seed) => {
        const order = permutation(list.length, seed, 'test');
        const shuffled = [...order].map((place) => list[place]!);
        const [one, other] = [outcome(list, numClasses, seed), outcome(shuffled, numClasses, seed)];
        if ('code' in one || 'code' in other) expect(other).toEqual(one);
        else expect(other.splits).toEqual([...order].map((place) => one.splits[place]!));
      }),
      { numRuns: 100 },
    );
  });

  it('gives another split for another seed', () => {
    const list = samples(Array.from({ length: 40 }, (_, g) => [`g${g}`, g % 2, 5] as const));
    const of = (seed: number): SplitName[] => assignGroupSplits(list, fractions, 2, seed);
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  it('gives the exact fractions of each class where equal groups allow it', () => {
    // 3 classes of 20 groups of 4: 12, 4 and 4 groups of each class.
    const list = samples(Array.from({ length: 60 }, (_, g) => [`g${g}`, g % 3, 4] as const));
    const splits = assignGroupSplits(list, fractions, 3, 3);
    for (const label of [0, 1, 2]) {
      const count = (split: SplitName): number =>
        splits.filter((name, i) => name === split && list[i]!.label === label).length;
      expect([count('train'), count('val'), count('test')]).toEqual([48, 16, 16]);
    }
  });

  it('comes as near to the fractions as the largest group is large', () => {
    fc.assert(
      fc.property(items, ({ items: list, numClasses }) => {
        const made = outcome(list, numClasses);
        if ('code' in made) return;
        const sizes = new Map<string, number>();
        for (const { group } of list) sizes.set(group, (sizes.get(group) ?? 0) + 1);
        // Each class that has to be somewhere can pull one group there.
        const slack = Math.max(...sizes.values()) * (1 + numClasses);
        for (const split of ['train', 'val', 'test'] as const) {
          const count = made.splits.filter((name) => name === split).length;
          expect(Math.abs(count - fractions[split] * list.length)).toBeLessThanOrEqual(slack);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('puts a class of two groups in train and val', () => {
    const list = samples([
      ...Array.from({ length: 20 }, (_, g) => [`a${g}`, 0, 5] as const),
      ['b0', 1, 9],
      ['b1', 1, 1],
    ]);
    const splits = assignGroupSplits(list, { train: 0.9, val: 0.1, test: 0 }, 2, 1);
    const rare = list.flatMap(({ label }, i) => (label === 1 ? [splits[i]!] : []));
    // 9 in train and 1 in val are the fractions of this class.
    expect(rare).toEqual([...Array<string>(9).fill('train'), 'val']);
  });

  it('leaves a split out whose fraction is 0', () => {
    const list = samples(Array.from({ length: 10 }, (_, g) => [`g${g}`, g % 2, 3] as const));
    expect(new Set(assignGroupSplits(list, { train: 0.5, val: 0.5, test: 0 }, 2, 1))).toEqual(
      new Set(['train', 'val']),
    );
  });

  it('refuses a group that has everything', () => {
    const list = samples([
      ['all', 0, 5],
      ['all', 1, 5],
    ]);
    expect(() => assignGroupSplits(list, { train: 0.8, val: 0.2, test: 0 }, 2, 1)).toThrow(
      expect.objectContaining({
        code: 'FT_DATA_GROUPS_TOO_FEW',
        message:
          'The images are in 1 group, and no group can go to val. A group is in one split, and every class must be in train.',
      }),
    );
  });
});
