import { CounterRng } from '../../data/rng.js';
import type { Distribution } from '../initialisation.js';
import type { BatchNormLayer, Conv2dLayer, Layer, LinearLayer, Network } from '../network.js';
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
function fillUniform(out: Float32Array, rng: CounterRng, bound: number): void {
  for (let i = 0; i < out.length; i++) out[i] = (2 * rng.uniform(i) - 1) * bound;
}

/** `shape` is a weight's: [out, in, ...kernel]; of a convolution in groups, `in` is one group's, as PyTorch counts. */
function fillWeight(
  out: Float32Array,
  shape: readonly number[],
  distribution: Distribution,
  rng: CounterRng,
): void {
  const fanIn = numElements(shape.slice(1));
  switch (distribution.kind) {
    case 'kaimingNormal': {
      const fan = distribution.fan === 'in' ? fanIn : shape[0]! * numElements(shape.slice(2));
      fillNormal(out, rng, Math.sqrt(2 / fan));
      return;
    }
    case 'kaimingUniform':
      fillUniform(out, rng, Math.sqrt(6 / ((1 + distribution.slope ** 2) * fanIn)));
      return;
    case 'normal':
      fillNormal(out, rng, distribution.standardDeviation);
  }
}

/** PyTorch's default for weight and bias of a linear layer or convolution alike: U(-b, b), b = 1 / sqrt(fan in). */
export function fillDefault(out: Float32Array, fanIn: number, rng: CounterRng): void {
  fillUniform(out, rng, 1 / Math.sqrt(fanIn));
}

type LayerWithTensors = Conv2dLayer | LinearLayer | BatchNormLayer;

function hasTensors(layer: Layer): layer is LayerWithTensors {
  return layer.kind === 'conv2d' || layer.kind === 'linear' || layer.kind === 'batchNorm';
}

/** The layer's tensors, drawn; each from its own stream. */
function drawLayer(network: Network, layer: LayerWithTensors, seed: number) {
  const specs = layerTensors(layer);
  return specs.map(({ name, shape, role }): [string, StoredTensor] => {
    if (role === 'counter') return [name, { shape, data: BigInt64Array.of(0n) }];
    const data = new Float32Array(numElements(shape));
    const rng = new CounterRng(seed, 'initial-weights', name);
    const suffix = name.slice(layer.name.length + 1);
    if (layer.kind === 'batchNorm') {
      if (suffix === 'weight' || suffix === 'running_var') data.fill(1);
      return [name, { shape, data }];
    }
    const { exceptions, ...byKind } = network.initialisation;
    const { weight, bias } = exceptions?.[layer.name] ?? byKind[layer.kind];
    if (suffix === 'weight') fillWeight(data, shape, weight, rng);
    else if (bias === 'default') fillDefault(data, numElements(specs[0]!.shape.slice(1)), rng);
    return [name, { shape, data }];
  });
}

/**
 * Random weights, drawn as torchvision draws them for this network; batch norms are the identity. Each tensor has its own stream,
 * keyed by its name, so that its values do not depend on what else the network has. The generator is ours: the distribution is
 * PyTorch's, the numbers are not.
 */
export function randomWeights(network: Network, seed: number): Map<string, StoredTensor> {
  return new Map(
    network.layers.filter(hasTensors).flatMap((layer) => drawLayer(network, layer, seed)),
  );
}
