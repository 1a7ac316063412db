import type { Partial } from './messages.js';
import { VectorPool } from './vector-pool.js';

// The fixed tree (docs/numerics.md). Shard v is leaf `capacity + v`; node i has the children 2i and 2i + 1; the root
// is 1. A node's sum is left + right in float32. Where numShards is no power of two, a right child may cover no
// shard: then the node is its left child, bit for bit (adding 0 would turn -0 into +0).

/** Smallest power of two that is at least `numShards`: the leaves' first node number. */
export function capacityOf(numShards: number): number {
  if (!Number.isInteger(numShards) || numShards < 1 || numShards > 2 ** 20) {
    throw new RangeError(`numShards is ${numShards}; it must be an integer in [1, 2^20].`);
  }
  let capacity = 1;
  while (capacity < numShards) capacity *= 2;
  return capacity;
}

/** Shards below a node: [first, end); empty where the node exists only in the full tree. */
export function shardsBelow(node: number, numShards: number): { first: number; end: number } {
  const capacity = capacityOf(numShards);
  let first = node;
  let width = 1;
  while (first < capacity) {
    first *= 2;
    width *= 2;
  }
  return { first: first - capacity, end: Math.min(first - capacity + width, numShards) };
}

/**
 * The fewest nodes whose subtrees are exactly the shards [firstShard, firstShard + numOwned), in ascending order of
 * shards: at most 2 log2(numShards) of them.
 */
export function maximalSubtrees(firstShard: number, numOwned: number, numShards: number): number[] {
  const end = firstShard + numOwned;
  if (firstShard < 0 || numOwned < 0 || end > numShards) {
    throw new RangeError(`Shards [${firstShard}, ${end}) are not within [0, ${numShards}).`);
  }
  const nodes: number[] = [];
  const visit = (node: number): void => {
    const below = shardsBelow(node, numShards);
    if (below.end <= Math.max(below.first, firstShard) || below.first >= end) return;
    if (below.first >= firstShard && below.end <= end) {
      nodes.push(node);
      return;
    }
    visit(2 * node);
    visit(2 * node + 1);
  };
  visit(1);
  return nodes;
}

/**
 * The owned shards cut into subtrees of at most `maxShards`, each of a power of two of them, in ascending order: what one run of a graph
 * computes whose shards are added up in pairs of pairs. TreeSum (tree-sum.ts) adds the runs' sums.
 */
export function subtreeRuns(
  firstShard: number,
  numOwned: number,
  numShards: number,
  maxShards: number,
): { readonly node: number; readonly first: number; readonly numShards: number }[] {
  const runs: { node: number; first: number; numShards: number }[] = [];
  const cut = (node: number): void => {
    const { first, end } = shardsBelow(node, numShards);
    const size = end - first;
    if (size < 1) return;
    // The shards below a node fill it from the left: a power of two of them are a whole subtree.
    if (size <= maxShards && Number.isInteger(Math.log2(size))) {
      runs.push({ node, first, numShards: size });
      return;
    }
    cut(2 * node);
    cut(2 * node + 1);
  };
  for (const node of maximalSubtrees(firstShard, numOwned, numShards)) cut(node);
  return runs;
}

/**
 * Sums the vectors of the owned shards into one partial per maximal subtree. The results are new arrays, so that the
 * caller may use its vectors again.
 */
export function sumOwned(
  firstShard: number,
  vectors: readonly Float32Array[],
  numShards: number,
): Partial[] {
  const capacity = capacityOf(numShards);
  const leaf = (node: number): Float32Array | undefined =>
    node < capacity ? undefined : vectors[node - capacity - firstShard];
  return maximalSubtrees(firstShard, vectors.length, numShards).map((node) => ({
    node,
    values: sumBelow(node, numShards, leaf),
  }));
}

/**
 * The sum over all shards, in an array of the pool that nobody else has. `partials` must cover the tree: each shard lies
 * below one of the nodes. Throws a RangeError that names the first shard that does not.
 */
export function finishTree(
  numShards: number,
  partials: ReadonlyMap<number, Float32Array>,
  pool?: VectorPool,
): Float32Array {
  return sumBelow(1, numShards, (node) => partials.get(node), pool);
}

/** Sums below a node, down to the nodes that `known` gives. */
function sumBelow(
  root: number,
  numShards: number,
  known: (node: number) => Float32Array | undefined,
  pool = new VectorPool(),
): Float32Array {
  const capacity = capacityOf(numShards);
  // `isOwn` marks an array made here, which may be written to.
  const sum = (node: number): { values: Float32Array; isOwn: boolean } => {
    const given = known(node);
    if (given !== undefined) return { values: given, isOwn: false };
    if (node >= capacity) throw new RangeError(`No partial covers shard ${node - capacity}.`);
    const left = sum(2 * node);
    const below = shardsBelow(2 * node + 1, numShards);
    if (below.first >= below.end) return left;
    const right = sum(2 * node + 1);
    if (left.values.length !== right.values.length) {
      throw new RangeError(
        `Partials of ${left.values.length} and ${right.values.length} elements meet at node ${node}.`,
      );
    }
    const out = left.isOwn
      ? left.values
      : right.isOwn
        ? right.values
        : pool.take(left.values.length);
    addNodes(out, left.values, right.values);
    if (left.isOwn && right.isOwn) pool.give(right.values);
    return { values: out, isOwn: true };
  };
  const { values, isOwn } = sum(root);
  if (isOwn) return values;
  const copy = pool.take(values.length);
  copy.set(values);
  return copy;
}

/**
 * out = left + right; `out` may be one of them. The sum of two float32 in a double, rounded to float32 by the store, is
 * the float32 sum: a double has more than twice the bits. Four at a time take half the time of one at a time.
 */
export function addNodes(out: Float32Array, left: Float32Array, right: Float32Array): void {
  const { length } = out;
  const lengthOfFours = length - (length % 4);
  for (let i = 0; i < lengthOfFours; i += 4) {
    out[i] = left[i]! + right[i]!;
    out[i + 1] = left[i + 1]! + right[i + 1]!;
    out[i + 2] = left[i + 2]! + right[i + 2]!;
    out[i + 3] = left[i + 3]! + right[i + 3]!;
  }
  for (let i = lengthOfFours; i < length; i++) out[i] = left[i]! + right[i]!;
}
