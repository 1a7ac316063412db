import type { StatisticsEntry } from '../models/run-tensors.js';

/**
 * Moves running statistics in place by one global batch, after PyTorch's batch norm (ATen/native/Normalization.cpp,
 * `batch_norm_cpu_update_stats_template`), with the mean over the shards in the place of a batch's own statistics:
 *
 *     running = (1 - momentum) * running + momentum * (sum over shards / shards with rows)
 *
 * in double precision, rounded once. `sums`: for each entry, mean [C] and variance [C] summed over the shards, then the number of shards
 * that have rows.
 */
export function moveStatistics(
  statistics: Float32Array,
  entries: readonly StatisticsEntry[],
  sums: Float32Array,
): void {
  const numShards = sums.at(-1)!;
  let at = 0;
  for (const { offset, channels, momentum } of entries) {
    for (let i = offset; i < offset + 2 * channels; i += 1) {
      statistics[i] = (1 - momentum) * statistics[i]! + momentum * (sums[at]! / numShards);
      at += 1;
    }
  }
}
