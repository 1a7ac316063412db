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

export function chooseLowering(geometry: ConvGeometry): ConvLowering {
  const { numPixels: P, numInputPixels: Q } = geometry;
  if (P <= 16 && Q <= 64 && canLowerAsRows(geometry)) return { kind: 'rows' };
  if (P <= 64 && Q <= 64 && canLowerAsChannelMatrices(geometry)) return { kind: 'channelMatrices' };
  return { kind: 'windows', input: byInput(geometry), filter: byFilter(geometry) };
}

function byInput(geometry: ConvGeometry): InputGradientLowering {
  if (canTakeInputGradient(geometry, 'pointwise')) return 'pointwise';
  const isDepthwise = geometry.groups === geometry.inChannels;
  return isDepthwise && canTakeInputGradient(geometry, 'flipped') ? 'flipped' : 'transposed';
}

function byFilter(geometry: ConvGeometry): FilterGradientLowering {
  const { numTaps: T, groups: G, inChannels: C, outChannels: K, stride } = geometry;
  const numErrors = geometry.rowsPerShard * geometry.numPixels;
  if (T === 1) return 'unfolded';
  const isStrided = stride.some((step) => step > 1);
  const isDepthwise = G > 1 && K === G;
  const canCorrelate = canTakeFilterGradient(geometry, 'correlation');
  if (isDepthwise) return isStrided && canCorrelate ? 'correlation' : 'unfolded';
  // A product for each tap has as many columns as there are channels.
  if (C / G < 16) return T > 16 && canCorrelate ? 'correlation' : 'unfolded';
  return numErrors >= (2 * K) / G ? 'taps' : 'unfolded';
}
