import type { RowMix } from './phase-engine.js';

/**
 * The features of shards [first, first + S) of a batch, mixed: lambda * a row's own + (1 - lambda) * its partner's, computed in double
 * precision and rounded once; lambda 1 is the row as it is, bit for bit. Written into `mixed_SBF`.
 */
export function mixRows(
  features_SBF: Float32Array,
  { partners_SB, lambdas_SB }: RowMix,
  rowsPerShard: number,
  shards: { readonly first: number; readonly numShards: number },
  mixed_SBF: Float32Array,
): void {
  const numRows = shards.numShards * rowsPerShard;
  const firstRow = shards.first * rowsPerShard;
  const width = mixed_SBF.length / numRows;
  for (let i = 0; i < numRows; i += 1) {
    const row = firstRow + i;
    const own = row * width;
    const lambda = lambdas_SB[row]!;
    const to = i * width;
    if (lambda === 1) {
      mixed_SBF.set(features_SBF.subarray(own, own + width), to);
      continue;
    }
    const partner = (row - (row % rowsPerShard) + partners_SB[row]!) * width;
    const rest = 1 - lambda;
    for (let f = 0; f < width; f += 1) {
      mixed_SBF[to + f] = lambda * features_SBF[own + f]! + rest * features_SBF[partner + f]!;
    }
  }
}
