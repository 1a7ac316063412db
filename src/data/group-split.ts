import type { SplitFractions } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import type { SplitName } from './manifest.js';
import { hash32 } from './rng.js';
import type { SplitItem } from './split.js';

/** A sample of a group that must not be torn. */
export interface GroupedItem extends SplitItem {
  readonly group: string;
}

interface Group {
  readonly name: string;
  readonly size: number;
  /** Samples of each class that it has. */
  readonly counts: readonly (readonly [label: number, count: number])[];
  split: number;
}

/** Order of preference, too: a class is missed least in train, more in val, most in test. */
const splitNames: readonly SplitName[] = ['train', 'val', 'test'];

/** More passes than improvements were ever found for; only bounds the time. */
const maxPasses = 50;

/**
 * Splits samples in train, val and test such that no group is in two splits, stratified as well as the groups allow: every class
 * is in train; in val (test) if it has 2 (3) groups or more and no class loses by it; and each class is near the fractions.
 * Large groups are dealt first, each to the split that lacks most of its classes; then single groups are moved for as long as
 * that improves something. Depends on (seed, groups, ids, labels) alone, not on the order of `items`. Returns the split of
 * each item, in order. Throws FT_DATA_GROUPS_TOO_FEW where a split would be empty.
 */
export function assignGroupSplits(
  items: readonly GroupedItem[],
  fractions: SplitFractions,
  numClasses: number,
  seed: number,
): SplitName[] {
  const groups = collectGroups(items, seed);
  const used = splitNames.flatMap((name, split) => (fractions[name] > 0 ? [split] : []));
  const balance = new Balance(groups, fractions, numClasses);
  for (const group of groups) {
    balance.place(
      group,
      bestOf(used, (split) => [0, balance.lack(group, split)]),
    );
  }
  for (let pass = 0, moved = true; moved && pass < maxPasses; pass += 1) {
    moved = false;
    for (const group of groups) {
      const targets = [group.split, ...used.filter((split) => split !== group.split)];
      const best = bestOf(targets, (split) => balance.moveCost(group, split));
      if (best === group.split) continue;
      balance.move(group, best);
      moved = true;
    }
  }
  const empty = used.filter((split) => groups.every((group) => group.split !== split));
  if (empty.length > 0) {
    throw new FtctlError('FT_DATA_GROUPS_TOO_FEW', {
      what: `The images are in ${groups.length} ${groups.length === 1 ? 'group' : 'groups'}, and no group can go to ${empty.map((split) => splitNames[split]).join(' and ')}.`,
      why: 'A group is in one split, and every class must be in train.',
      details: { groups: groups.slice(0, 100).map(({ name }) => name) },
    });
  }
  const splitOf = new Map(groups.map(({ name, split }) => [name, splitNames[split]!]));
  return items.map(({ group }) => splitOf.get(group)!);
}

/** The largest first, since the small ones even out what they leave; equal ones in an order that the seed decides. */
function collectGroups(items: readonly GroupedItem[], seed: number): Group[] {
  const counts = new Map<string, Map<number, number>>();
  for (const { group, label } of items) {
    const ofGroup = counts.get(group) ?? new Map<number, number>();
    ofGroup.set(label, (ofGroup.get(label) ?? 0) + 1);
    counts.set(group, ofGroup);
  }
  return [...counts]
    .map(([name, ofGroup]) => ({
      name,
      size: [...ofGroup.values()].reduce((sum, count) => sum + count, 0),
      counts: [...ofGroup].sort(([a], [b]) => a - b),
      split: -1,
      key: hash32(seed, 'split-group', name),
    }))
    .sort((a, b) => b.size - a.size || a.key - b.key || (a.name < b.name ? -1 : 1));
}

/** First what classes are missing, then how far the counts are from the fractions. */
type Cost = readonly [missing: number, distance: number];

/** Differences of distances below this are rounding. */
const noDistance = 1e-9;

/** The split of the least cost; the first one among equals. */
function bestOf(splits: readonly number[], costOf: (split: number) => Cost): number {
  let best = splits[0]!;
  let least = costOf(best);
  for (const split of splits.slice(1)) {
    const cost = costOf(split);
    if (cost[0] < least[0] || (cost[0] === least[0] && cost[1] < least[1] - noDistance)) {
      best = split;
      least = cost;
    }
  }
  return best;
}

/** How the groups that are placed fill the splits. */
class Balance {
  /** Samples by split and class. */
  readonly #filled: number[][];
  readonly #quotas: number[][];
  readonly #sizes: number[];
  /** What it costs that a class is missing in a split. A group's move to train outweighs all that it costs elsewhere. */
  readonly #missing: number[][];

  constructor(groups: readonly Group[], fractions: SplitFractions, numClasses: number) {
    const sizes = new Array<number>(numClasses).fill(0);
    const numGroups = new Array<number>(numClasses).fill(0);
    for (const { counts } of groups) {
      for (const [label, count] of counts) {
        sizes[label]! += count;
        numGroups[label]! += 1;
      }
    }
    this.#sizes = sizes;
    this.#quotas = splitNames.map((name) => sizes.map((size) => size * fractions[name]));
    this.#filled = splitNames.map(() => sizes.map(() => 0));
    this.#missing = splitNames.map((name, split) =>
      numGroups.map((count) =>
        fractions[name] > 0 && count > split ? (numClasses + 1) ** (2 - split) : 0,
      ),
    );
  }

  place(group: Group, split: number): void {
    for (const [label, count] of group.counts) this.#filled[split]![label]! += count;
    group.split = split;
  }

  move(group: Group, split: number): void {
    for (const [label, count] of group.counts) this.#filled[group.split]![label]! -= count;
    this.place(group, split);
  }

  /** Smallest where the group's classes are furthest below what they should be. */
  lack({ counts }: Group, split: number): number {
    return counts.reduce((sum, [label, count]) => {
      const ahead = this.#filled[split]![label]! - this.#quotas[split]![label]!;
      return sum + (count * ahead) / this.#sizes[label]!;
    }, 0);
  }

  /** What changes when a placed group moves: sums over classes of (count - quota)^2 / size of the class. */
  moveCost(group: Group, to: number): Cost {
    if (to === group.split) return [0, 0];
    const from = group.split;
    let missing = 0;
    let distance = 0;
    for (const [label, count] of group.counts) {
      const left = this.#filled[from]![label]!;
      const had = this.#filled[to]![label]!;
      if (left === count) missing += this.#missing[from]![label]!;
      if (had === 0) missing -= this.#missing[to]![label]!;
      const over = left - this.#quotas[from]![label]!;
      const under = had - this.#quotas[to]![label]!;
      distance += (2 * count * (count + under - over)) / this.#sizes[label]!;
    }
    return [missing, distance];
  }
}
