import type { LayerNodes } from './layer-nodes.js';

/**
 * Matrix products of each shard. onnxruntime has other kernels for products of one row or one column, and which one is taken may
 * depend on how its optimizer moves transpositions, which depends on the number of shards. So no product here is that narrow: a
 * single row or column is there twice.
 */

/** [count, rows, R] times [count, R, columns]: [count, rows, columns]. */
export function products(
  nodes: LayerNodes,
  suffix: string,
  [left, right]: readonly [left: string, right: string],
  { rows, columns }: { readonly rows: number; readonly columns: number },
): string {
  const twice = (value: string, side: string, axis: number): string =>
    nodes.concat(`${suffix}.${side}`, [value, value], axis);
  const wideLeft = rows > 1 ? left : twice(left, 'rows', 1);
  const wideRight = columns > 1 ? right : twice(right, 'columns', 2);
  if (rows > 1 && columns > 1) return nodes.node('MatMul', suffix, [left, right]);
  const wide = nodes.node('MatMul', `${suffix}.wide`, [wideLeft, wideRight]);
  return nodes.slice(suffix, wide, { axes: [1, 2], starts: [0, 0], ends: [rows, columns] });
}

/** A sum over shards takes a copy of the factors of each: for gradients of fewer elements it is not worth it. */
const minSummed = 2 ** 15;

/** Sizes of the products of S shards, `perShard` of them each. */
export interface ShardProducts {
  readonly rows: number;
  readonly columns: number;
  readonly numShards: number;
  readonly perShard: number;
  readonly sumsShards: boolean;
}

/** Whether {@link productsOfShards} gives the sum over the shards. */
export function areSummed({ rows, columns, perShard, ...sizes }: ShardProducts): boolean {
  return sizes.sumsShards && sizes.numShards > 1 && perShard * rows * columns >= minSummed;
}

/**
 * The products of each shard, as {@link products} has them, `perShard` of them side by side: [S * perShard, rows, columns]; or with
 * `sumsShards`, if they are large, their sum over the shards [perShard, rows, columns]. S is then a power of two, and the sum the fixed
 * tree's (collective/tree.ts): of neighbours, then of neighbouring sums. Written for each shard, a whole resnet18's gradients take as
 * much time as half of its convolutions.
 */
export function productsOfShards(
  nodes: LayerNodes,
  suffix: string,
  factors: readonly [left: string, right: string],
  sizes: ShardProducts,
): string {
  if (!areSummed(sizes)) return products(nodes, suffix, factors, sizes);
  const { numShards, perShard } = sizes;
  const ofShard = (shard: number): string => {
    const range = { axes: [0], starts: [shard * perShard], ends: [(shard + 1) * perShard] };
    const [left, right] = factors.map((value, i) =>
      nodes.slice(`${suffix}.factor_${i}.${shard}`, value, range),
    ) as [string, string];
    return products(nodes, `${suffix}.${shard}`, [left, right], sizes);
  };
  const sum = (first: number, count: number): string => {
    if (count === 1) return ofShard(first);
    const half = count / 2;
    const halves = [sum(first, half), sum(first + half, half)];
    const name = count === numShards ? suffix : `${suffix}.${first}_${first + count}`;
    return nodes.node('Add', name, halves);
  };
  return sum(0, numShards);
}

/** The sums of R rows, for each shard: [S, R, columns] to [S, 1, columns]. A product with ones: a sum of fixed order. */
export function sumsOfRows(
  nodes: LayerNodes,
  suffix: string,
  value: string,
  { numRows, columns }: { readonly numRows: number; readonly columns: number },
): string {
  const ones = nodes.filled(`${suffix}.ones`, [2, numRows], 1);
  const wide = columns > 1 ? value : nodes.concat(`${suffix}.columns`, [value, value], 2);
  const sums = nodes.node('MatMul', `${suffix}.wide`, [ones, wide]);
  return nodes.slice(suffix, sums, { axes: [1, 2], starts: [0, 0], ends: [1, columns] });
}
