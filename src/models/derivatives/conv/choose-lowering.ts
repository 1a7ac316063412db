import { canLowerAsChannelMatrices } from './channel-matrices.js';
import type { FilterGradientLowering } from './filter-gradient.js';
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
  const { numTaps: T, groups: G, outChannels: K, rowsPerShard: B, numPixels: P } = geometry;
  if (T === 1) return 'unfolded';
  if (G > 1) return 'unfolded';
  return B * P > 2 * K ? 'taps' : 'unfolded';
}
