import type { Network } from '../network.js';
import { planPhases } from '../prepare-phases.js';
import { inferShapes, type Shape } from '../shapes.js';
import type { SplitPoint } from '../split-point.js';
import { numElements } from '../tensor-specs.js';
import { numParameters } from './architecture-list.js';

/** What a split point makes of a network: what moves, and what is computed once and kept. */
export interface SplitReport extends SplitPoint {
  /** Names of the parameters that are trained, sorted. */
  readonly parameters: readonly string[];
  /** Elements of them. */
  readonly numTrained: number;
  /** Of all of the network's, from 0 to 1. */
  readonly share: number;
  /** What is taken of the frozen layers for each image: one after the other an image's features. */
  readonly boundaries: readonly { readonly layer: string; readonly shape: Shape }[];
  /** Values of an image's features. */
  readonly numFeatures: number;
  /** Of a view of an image in the cache, in float32. */
  readonly featureBytes: number;
  /** Of a step's gradient, in float32. */
  readonly gradientBytes: number;
}

/** All is as in a run with one phase of this split point. Throws FT_MODEL_LAYER or FT_MODEL_IMAGE_SIZE. */
export function reportSplit(network: Network, imageSize: number, point: SplitPoint): SplitReport {
  const { train, except } = point;
  const plan = planPhases(network, imageSize, [{ train, except, batchNorm: 'frozen' }]);
  const [{ trained, boundaries, numFeatures }] = plan.phases as [(typeof plan.phases)[0]];
  const shapes = inferShapes(network, imageSize, ...boundaries);
  const numTrained = plan.parameters.reduce((sum, { shape }) => sum + numElements(shape), 0);
  return {
    ...{ train, except, parameters: trained, numTrained },
    share: numTrained / numParameters(network.layers),
    boundaries: boundaries.map((layer) => ({ layer, shape: shapes.get(layer)! })),
    numFeatures,
    featureBytes: 4 * numFeatures,
    gradientBytes: 4 * numTrained,
  };
}
