/** What one run of a graph needs for each shard in it. */
export interface ShardBytes {
  /** Of the shard's gradients; 0 for an evaluation. */
  readonly gradients: number;
  /** Of what its rows' layers give, and of their gradients. */
  readonly activations: number;
}

/** Runs of more shards than this are not faster. */
const maxShards = 8;

/**
 * Shards of one run of a graph: the largest power of two, up to 8, whose memory stays within the budget; at least 1. It changes no bits,
 * only speed and memory.
 */
export function shardsPerRun({ gradients, activations }: ShardBytes, budgetBytes: number): number {
  let numShards = maxShards;
  while (numShards > 1 && numShards * (gradients + activations) > budgetBytes) numShards /= 2;
  return numShards;
}
