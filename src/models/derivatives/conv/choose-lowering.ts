import { canLowerAsChannelMatrices } from './channel-matrices.js';
import { canTakeFilterGradient, type FilterGradientLowering } from './filter-gradient.js';
import type { ConvGeometry } from './geometry.js';
import { canTakeInputGradient, type InputGradientLowering } from './input-gradient.js';
import { canLowerAsRows } from './rows.js';

/** How a convolution and its gradients are computed. */
export type ConvLowering =
  | { readonly kind: 'rows' }
  | { readonly kind: 'channelMatrices' }
  | {
      readonly kind: 'windows';
      readonly input: InputGradientLowering;
      readonly filter: FilterGradientLowering;
    };

/** All ways in which a convolution of these sizes can be computed. */
export function possibleLowerings(geometry: ConvGeometry): ConvLowering[] {
  const windows = (input: InputGradientLowering, filter: FilterGradientLowering): ConvLowering => ({
    kind: 'windows',
    input,
    filter,
  });
  const inputs = (['transposed', 'flipped', 'pointwise'] as const).filter((input) =>
    canTakeInputGradient(geometry, input),
  );
  const filters = (['unfolded', 'taps', 'correlation'] as const).filter((filter) =>
    canTakeFilterGradient(geometry, filter),
  );
  return [
    ...inputs.flatMap((input) => filters.map((filter) => windows(input, filter))),
    ...(canLowerAsRows(geometry) ? [{ kind: 'rows' } as const] : []),
    ...(canLowerAsChannelMatrices(geometry) ? [{ kind: 'channelMatrices' } as const] : []),
  ];
}

/**
 * The way that was measured to be the fastest, forward and backward together, for the sizes of one shard:
 * docs/decisions/0010-convolutions-are-lowered-by-their-size.md. It must not depend on the number of shards, as another way has other bits.
 */
export function chooseLowering(geometry: ConvGeometry): ConvLowering {
  const { numPixels: P, numInputPixels: Q } = geometry;
  if (isSmall(geometry) && canLowerAsRows(geometry)) return { kind: 'rows' };
  if (P <= 64 && Q <= 64 && canLowerAsChannelMatrices(geometry)) return { kind: 'channelMatrices' };
  return { kind: 'windows', input: byInput(geometry), filter: byFilter(geometry) };
}

/** Whether the products over all rows save more than unfolding takes. */
function isSmall(geometry: ConvGeometry): boolean {
  const { numPixels: P, numInputPixels: Q, numTaps: T } = geometry;
  // Nothing is unfolded.
  if (T === 1 && P === Q) return P <= 49;
  if (P <= 16 && Q <= 64) return true;
  // Unfolding takes Q multiplications for each value, the products K or C.
  return Q <= 49 && 8 * Q <= Math.min(geometry.inChannels, geometry.outChannels);
}

function byInput(geometry: ConvGeometry): InputGradientLowering {
  if (canTakeInputGradient(geometry, 'pointwise')) return 'pointwise';
  const isDepthwise = geometry.groups === geometry.inChannels;
  return isDepthwise && canTakeInputGradient(geometry, 'flipped') ? 'flipped' : 'transposed';
}

function byFilter(geometry: ConvGeometry): FilterGradientLowering {
  const { numTaps: T, groups: G, inChannels: C, outChannels: K, stride } = geometry;
  if (T === 1) return 'unfolded';
  const canCorrelate = canTakeFilterGradient(geometry, 'correlation');
  const isStrided = stride.some((step) => step > 1);
  const isDepthwise = G > 1 && K === G;
  if (isDepthwise) return isStrided && canCorrelate ? 'correlation' : 'unfolded';
  // The product for a tap has as many columns as a group has channels.
  if (C / G < 16) return T > 16 && canCorrelate ? 'correlation' : 'unfolded';
  // Unfolding copies the R values that each tap reads, a product for each tap its K results.
  const R = geometry.rowsPerShard * geometry.numPixels;
  return R >= (2 * K) / G ? 'taps' : 'unfolded';
}
