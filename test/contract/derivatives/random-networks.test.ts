import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CounterRng } from '../../../src/data/rng.js';
import type { Network } from '../../../src/models/network.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { NetworkCase, type NetworkCaseOptions } from './support/network-case.js';
import { differingInCompany } from './support/network-bits.js';
import { networkChoices, randomNetwork } from './support/random-network.js';

/** Any parameters, and the classifier. */
function randomlyTrained(network: Network, share: number, seed: number): Set<string> {
  const rng = new CounterRng(seed, 'trained');
  const names = stateDictSpecs(network).flatMap(({ name, role }) =>
    role === 'parameter' ? name : [],
  );
  const isOfClassifier = (name: string) => name.startsWith(`${network.classifier}.`);
  return new Set(names.filter((name, i) => isOfClassifier(name) || rng.uniform(i) < share));
}

const cases = fc
  .record({
    choices: networkChoices,
    imageSize: fc.integer({ min: 5, max: 11 }),
    inputChannels: fc.integer({ min: 1, max: 3 }),
    share: fc.constantFrom(1, 1, 0.5, 0.1),
    batchNorm: fc.constantFrom('frozen', 'shard'),
    counts: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 }),
    seed: fc.nat(1000),
  })
  .map(({ choices, imageSize, inputChannels, share, batchNorm, counts, seed }) => {
    const network = randomNetwork(choices, inputChannels, imageSize);
    const trained = randomlyTrained(network, share, seed);
    return { network, imageSize, trained, batchNorm, counts, rowsPerShard: 3, seed };
  });

const norm = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));

/** Half the width of a central difference: far over the rounding of float64, and seldom over a kink. */
const step = 1e-6;

/** Gradients that differ from the slopes of the loss: along a random direction for each trained tensor of a shard. */
function differencesOf(
  network: NetworkCase,
  shard: number,
  outputs: Readonly<Record<string, Float32Array>>,
  shards: readonly number[],
): Record<string, number> {
  const gradients = [...network.options.trained].map((name) => {
    const all = outputs[`gradient/${name}`]!;
    const length = all.length / shards.length;
    const place = shards.indexOf(shard);
    return { name, gradient: all.subarray(place * length, (place + 1) * length) };
  });
  // What is zero but for rounding (the bias of a convolution before a batch norm) has no relative error.
  const smallest = 1e-2 * norm(gradients.map(({ gradient }) => norm(gradient)));
  const errors: Record<string, number> = {};
  for (const { name, gradient } of gradients) {
    const values = Float64Array.from(network.tensors.get(name)!.data);
    const rng = new CounterRng(network.options.seed, 'direction', name);
    const direction = values.map((_, i) => (rng.uniform(i) < 0.5 ? -1 : 1));
    const lossAt = (distance: number): number => {
      const moved = values.map((value, i) => value + distance * direction[i]!);
      return network.loss(shard, new Map([[name, moved]]));
    };
    const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
    const computed = direction.reduce((sum, d, i) => sum + d * gradient[i]!, 0);
    const error = Math.abs(computed - slope) / Math.max(norm(gradient), smallest, 1e-6);
    if (!(error < 1e-3)) errors[name] = error;
  }
  return errors;
}

const kindsOf = ({ network }: NetworkCaseOptions) => network.layers.map(({ kind }) => kind);

describe('the training graph of a random network with a random part of it trained', () => {
  // The seed is fixed: of many thousand elements one may lie so near to a kink that float32 is on its other side.
  test('has the loss, and the gradients that finite differences say', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (options) => {
        const network = new NetworkCase(options);
        const shards = [0, 1];
        const outputs = await network.run(shards);
        for (const shard of shards) {
          const loss = network.loss(shard);
          const difference = Math.abs(outputs['losses']![shard]! - loss);
          const errors = differencesOf(network, shard, outputs, shards);
          expect({ kinds: kindsOf(options), shard, errors }).toEqual({
            ...{ kinds: kindsOf(options), shard },
            errors: {},
          });
          expect(difference).toBeLessThanOrEqual(1e-5 * Math.max(1, loss));
        }
      }),
      { numRuns: 60, seed: 5 },
    );
  }, 120_000);

  test('gives a shard the same bits in any company, empty shards and rows of padding among them', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (options) => {
        const network = new NetworkCase(options);
        const all = options.counts.map((_, shard) => shard);
        for (const pass of ['gradient', 'evaluation'] as const) {
          const differing = await differingInCompany(network, pass, [
            [3, 2, 1, 0],
            [1, 2],
            ...all.map((shard) => [shard]),
          ]);
          expect({ kinds: kindsOf(options), pass, differing }).toEqual({
            ...{ kinds: kindsOf(options), pass },
            differing: [],
          });
        }
      }),
      { numRuns: 20 },
    );
  }, 120_000);
});
