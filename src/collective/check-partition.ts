import { formatGeneration, type Generation } from '../rpc/generation.js';

/** Throws a RangeError unless ranks are positions and the members own every shard once. */
export function checkPartition(generation: Generation): void {
  const name = `Generation ${formatGeneration(generation.id)}`;
  generation.members.forEach((member, index) => {
    if (member.rank === index) return;
    throw new RangeError(`${name}: the member at position ${index} has rank ${member.rank}.`);
  });
  let next = 0;
  const owners = generation.members.filter((member) => member.numShards > 0);
  for (const owner of owners.sort((a, b) => a.firstShard - b.firstShard)) {
    if (owner.firstShard !== next) {
      throw new RangeError(
        `${name}: rank ${owner.rank} owns from ${owner.firstShard}, not ${next}.`,
      );
    }
    next += owner.numShards;
  }
  if (next !== generation.numShards) {
    throw new RangeError(`${name} owns ${next} of ${generation.numShards} shards.`);
  }
}
