import { CounterRng } from '../../data/rng.js';
import type { Layer, Network } from '../network.js';
import { layerTensors, numElements } from '../tensor-specs.js';
import type { StoredTensor } from './tensor-set.js';

/**
 * Standard normal deviates by Box and Muller: uniforms 2i and 2i + 1 give deviates 2i and 2i + 1. The first uniform is
 * taken from (0, 1], whose logarithm is finite.
 */
function fillNormal(out: Float32Array, rng: CounterRng, standardDeviation: number): void {
  for (let i = 0; i < out.length; i += 2) {
    const radius = standardDeviation * Math.sqrt(-2 * Math.log(1 - rng.uniform(i)));
    const angle = 2 * Math.PI * rng.uniform(i + 1);
    out[i] = radius * Math.cos(angle);
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
  }
}

/** U(-bound, bound). */
export function fillUniform(out: Float32Array, rng: CounterRng, bound: number): void {
  for (let i = 0; i < out.length; i++) out[i] = (2 * rng.uniform(i) - 1) * bound;
}

function initialise(layer: Layer, suffix: string, out: Float32Array, rng: CounterRng): void {
  switch (layer.kind) {
    case 'conv2d': {
      if (suffix !== 'weight') return;
      // kaiming_normal_, fan_out, relu: std = sqrt(2 / (outChannels * kernel area)), whatever the groups.
      const fanOut = layer.outChannels * layer.kernel[0] * layer.kernel[1];
      fillNormal(out, rng, Math.sqrt(2 / fanOut));
      return;
    }
    case 'batchNorm':
      if (suffix === 'weight' || suffix === 'running_var') out.fill(1);
      return;
    case 'linear':
      // nn.Linear's default for weight and bias; the classifier is always drawn so (see head.ts).
      fillUniform(out, rng, 1 / Math.sqrt(layer.inFeatures));
      return;
    default:
      throw new Error(`${layer.kind} has no parameters`);
  }
}

/**
 * Random weights as torchvision draws them for resnet and mobilenet_v2: convolutions kaiming-normal (fan_out), their
 * biases zero, batch norms the identity. Each tensor has its own stream, keyed by its name, so that its values do not
 * depend on what else the network has. The generator is ours: the distribution is PyTorch's, the numbers are not.
 */
export function randomWeights(network: Network, seed: number): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const layer of network.layers) {
    for (const { name, shape, role } of layerTensors(layer)) {
      if (role === 'counter') {
        tensors.set(name, { shape, data: BigInt64Array.of(0n) });
        continue;
      }
      const data = new Float32Array(numElements(shape));
      const rng = new CounterRng(seed, 'initial-weights', name);
      initialise(layer, name.slice(layer.name.length + 1), data, rng);
      tensors.set(name, { shape, data });
    }
  }
  return tensors;
}
