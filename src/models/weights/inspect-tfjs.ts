import { describeNetwork, type NetworkSpec } from '../registry.js';
import { byNearness, numNearest, type ArchitectureGuess } from './guess-architecture.js';
import { mapTfjs, type TfjsModel, type TfjsNetwork } from './tfjs/read-tfjs.js';

/** What tfjs models are compared with. */
const candidates: readonly Pick<NetworkSpec, 'architecture' | 'width'>[] = [
  ...[1, 1.4, 1.3, 0.75, 0.5, 0.35].map((width) => ({ architecture: 'mobilenet_v2', width })),
  { architecture: 'inception_v3', width: 1 },
];

/** What a tfjs model is: one of our networks, or the nearest of them and what keeps the first of those from fitting. */
export type RecognisedTfjs =
  | { readonly network: TfjsNetwork }
  | {
      readonly network: null;
      readonly nearest: readonly ArchitectureGuess[];
      readonly why: string;
    };

/** The shapes of a network's convolution kernels, as TensorFlow has them. */
function kernelShapes(candidate: Pick<NetworkSpec, 'architecture' | 'width'>): string[] {
  const { layers } = describeNetwork({
    ...{ ...candidate, numClasses: 1, inputAffine: null },
    ...{ convention: 'tensorflow', batchNorm: 'folded' },
  });
  return layers.flatMap((layer) => {
    if (layer.kind !== 'conv2d') return [];
    const { kernel, inChannels, outChannels, groups } = layer;
    return [[...kernel, ...(groups === 1 ? [inChannels, outChannels] : [outChannels, 1])].join()];
  });
}

/** How many kernels a model and a candidate have in common: names differ from one file to the next, shapes do not. */
function guess(
  { model }: TfjsModel,
  candidate: Pick<NetworkSpec, 'architecture' | 'width'>,
): ArchitectureGuess {
  const left = [...model.weights.values()]
    .map(({ shape }) => shape)
    .filter(({ length }) => length === 4)
    .map((shape) => shape.join());
  const needed = kernelShapes(candidate);
  const numTheirs = left.length;
  for (const shape of needed) {
    const place = left.indexOf(shape);
    if (place >= 0) left.splice(place, 1);
  }
  const matching = numTheirs - left.length;
  return { ...candidate, matching, needed: needed.length, unexpected: left.length };
}

/** Compares a tfjs model with the networks that come as one, computation by computation, the likeliest first. */
export function recogniseTfjs(model: TfjsModel): RecognisedTfjs {
  const guesses = candidates
    // mapTfjs reads no graph model but mobilenet_v2's.
    .filter(({ architecture }) => model.format === 'tfjs-layers' || architecture === 'mobilenet_v2')
    .map((candidate) => guess(model, candidate))
    .sort(byNearness);
  const reasons: string[] = [];
  for (const { architecture, width } of guesses) {
    try {
      return { network: mapTfjs(model, { architecture, width, numClasses: 1 }) };
    } catch (error) {
      reasons.push(
        `It is no ${architecture} of width ${width}: ${error instanceof Error ? error.message : String(error)}.`,
      );
    }
  }
  const nearest = guesses.filter(({ matching }) => matching > 0).slice(0, numNearest);
  return { network: null, nearest, why: reasons[0]! };
}
