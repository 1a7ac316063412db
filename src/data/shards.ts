import type { Manifest, SplitName } from './manifest.js';
import { hash32 } from './rng.js';

/**
 * Deals a split's samples to the virtual shards: ordered by (class, keyed hash of the id) and dealt round-robin, the
 * pointer carried over classes. Shard sizes, and each class's counts, differ by at most one between shards. The
 * dealing depends on ids, labels and the seed alone, and holds for the whole run.
 *
 * Returns each shard's sample indexes (places in `manifest.samples`), in dealing order.
 */
export function dealShards(
  manifest: Manifest,
  split: SplitName,
  numShards: number,
  seed: number,
): Int32Array[] {
  const dealt = manifest.samples
    .map((sample, index) => ({ index, sample }))
    .filter(({ sample }) => sample.split === split)
    .map(({ index, sample }) => ({
      index,
      label: sample.label,
      key: hash32(seed, 'deal', sample.id),
    }))
    // Samples are sorted by id, so the index settles equal hashes by id.
    .sort((a, b) => a.label - b.label || a.key - b.key || a.index - b.index);
  return Array.from({ length: numShards }, (_, shard) =>
    Int32Array.from(
      { length: Math.ceil(Math.max(0, dealt.length - shard) / numShards) },
      (_, turn) => dealt[turn * numShards + shard]!.index,
    ),
  );
}
