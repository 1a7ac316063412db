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
