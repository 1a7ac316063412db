import type { ModelSpec, Rgb } from '../../config/run-spec.js';
import { FtctlError } from '../../errors/index.js';
import { parseNpmReference } from '../../util/npm-package.js';

/** Where weights come from, as `model.weights` says it. */
export type WeightsSource =
  | { readonly type: 'random' }
  | { readonly type: 'safetensors'; readonly path: string }
  | {
      readonly type: 'nsfwjs';
      readonly name: string;
      readonly version: string;
      readonly integrity: string;
    };

function refuse(weights: string, why: string): FtctlError {
  return new FtctlError('FT_WEIGHTS_SOURCE', {
    what: `model.weights is ${JSON.stringify(weights)}.`,
    why,
    details: { weights },
  });
}

/** Reads `model.weights`, whose path is absolute once the configuration is compiled. Throws FT_WEIGHTS_SOURCE. */
export function weightsSource(spec: Pick<ModelSpec, 'weights' | 'integrity'>): WeightsSource {
  const { weights, integrity } = spec;
  if (weights === 'random') return { type: 'random' };
  const npm = parseNpmReference(weights);
  if (npm !== null) {
    const { name, version, fragment } = npm;
    if (name !== 'nsfwjs' || fragment !== 'mobilenet_v2_mid') {
      throw refuse(
        weights,
        'The npm package whose weights ftctl reads is nsfwjs (#mobilenet_v2_mid).',
      );
    }
    if (integrity === null) {
      throw refuse(weights, "An npm source needs model.integrity: the tarball's sha512.");
    }
    return { type: 'nsfwjs', name, version, integrity };
  }
  if (weights.startsWith('npm:')) {
    throw refuse(weights, 'An npm source is written npm:NAME@VERSION#MODEL.');
  }
  if (!weights.endsWith('.safetensors')) {
    throw refuse(weights, 'A file of weights must be a .safetensors file.');
  }
  return { type: 'safetensors', path: weights };
}

/** How the images were normalised that the weights were trained on. */
export function normalisationOf(source: WeightsSource): { readonly mean: Rgb; readonly std: Rgb } {
  // nsfwjs' network scales its input by itself (an affine layer) and takes pixels / 255.
  if (source.type === 'nsfwjs') return { mean: [0, 0, 0], std: [1, 1, 1] };
  // ImageNet, as all of torchvision's weights.
  return { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
}
