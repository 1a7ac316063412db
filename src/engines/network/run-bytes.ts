import { layersBehind } from '../../models/split-point.js';
import type { Network } from '../../models/network.js';
import { inferShapes } from '../../models/shapes.js';
import { numElements } from '../../models/tensor-specs.js';

/**
 * Values that a layer's output costs in a gradient run: itself, its gradient, and what convolutions lay out anew for each of both (measured:
 * resnet18's runs of 4 rows at 64 px take 3 to 4 times their layers' outputs).
 */
const copiesOfActivations = 4;

/** About how many bytes the rows of one shard take in a gradient run, beside the gradients themselves. */
export function activationBytes(
  network: Network,
  imageSize: number,
  boundaries: readonly string[],
  rowsPerShard: number,
): number {
  const shapes = inferShapes(network, imageSize);
  const values = layersBehind(network, boundaries, [network.output]).reduce(
    (sum, { name }) => sum + numElements(shapes.get(name)!),
    0,
  );
  return values * rowsPerShard * copiesOfActivations * Float32Array.BYTES_PER_ELEMENT;
}
