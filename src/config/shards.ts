/** The most virtual shards that a run may have. */
export const maxShards = 4096;

/**
 * The default of `batch.shards`: the largest divisor of the batch size that is not over min(16, size / 4), at least
 * 1. It depends on the configuration alone, never on the number of workers, which may not change the result.
 */
export function defaultShards(batchSize: number): number {
  for (let shards = Math.min(16, Math.floor(batchSize / 4)); shards > 1; shards -= 1) {
    if (batchSize % shards === 0) return shards;
  }
  return 1;
}
