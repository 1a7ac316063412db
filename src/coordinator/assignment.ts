/** Contiguous shards of one member: [firstShard, firstShard + numShards). */
export interface Assignment {
  readonly firstShard: number;
  readonly numShards: number;
}

/**
 * Deals shards to members, in rank order: contiguous ranges whose sizes differ by at most one, the larger ones first.
 * With more members than shards the last ones get none, and still send in every round.
 */
export function assignShards(numShards: number, numMembers: number): Assignment[] {
  return Array.from({ length: numMembers }, (_, rank) => {
    const firstShard = boundary(numShards, numMembers, rank);
    return { firstShard, numShards: boundary(numShards, numMembers, rank + 1) - firstShard };
  });
}

function boundary(numShards: number, numMembers: number, rank: number): number {
  const small = Math.floor(numShards / numMembers);
  return rank * small + Math.min(rank, numShards % numMembers);
}
