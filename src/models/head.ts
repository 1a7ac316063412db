import { CounterRng } from '../data/rng.js';
import { classifierOf, type Network } from './network.js';
import { parameterLayout, type ParameterLayout } from './parameter-layout.js';
import type { HeadDescription } from './prepared-model.js';
import { fillUniform } from './weights/random-weights.js';
import type { StoredTensor } from './weights/tensor-set.js';

/** The classifier of a network, as what is trained. */
export function headOf(network: Network): HeadDescription {
  const { name, inFeatures, outFeatures } = classifierOf(network);
  return {
    weightName: `${name}.weight`,
    biasName: `${name}.bias`,
    numFeatures: inFeatures,
    numClasses: outFeatures,
  };
}

/** Where a head's weight [K, F] and bias [K] lie in the flat parameter vector. */
export function headLayout(head: HeadDescription): ParameterLayout {
  return parameterLayout([
    { name: head.weightName, shape: [head.numClasses, head.numFeatures] },
    { name: head.biasName, shape: [head.numClasses] },
  ]);
}

/**
 * PyTorch's default for nn.Linear: weight and bias from U(-1/sqrt(F), 1/sqrt(F)). Each tensor has its own stream of the
 * counter-based generator, keyed by its name.
 */
export function initialHead(head: HeadDescription, seed: number): Float32Array {
  const layout = headLayout(head);
  const parameters = new Float32Array(layout.length);
  for (const { name, offset, length } of layout.entries) {
    const rng = new CounterRng(seed, 'initial-head', name);
    const bound = 1 / Math.sqrt(head.numFeatures);
    fillUniform(parameters.subarray(offset, offset + length), rng, bound);
  }
  return parameters;
}

/** The flat parameter vector as named tensors (views, not copies). */
export function headTensors(
  head: HeadDescription,
  parameters: Float32Array,
): Map<string, StoredTensor> {
  const layout = headLayout(head);
  if (parameters.length !== layout.length) {
    throw new Error(`a head of ${layout.length} parameters was given ${parameters.length}`);
  }
  return new Map(
    layout.entries.map(({ name, shape, offset, length }) => [
      name,
      { shape, data: parameters.subarray(offset, offset + length) },
    ]),
  );
}
