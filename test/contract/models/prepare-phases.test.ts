import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OnnxSession } from '../../../src/engines/onnx-session.js';
import { imagesName, type Network } from '../../../src/models/network.js';
import { lowerNetwork } from '../../../src/models/onnx/lower-network.js';
import { lowerPhases, planPhases } from '../../../src/models/prepare-phases.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { randomWeights } from '../../../src/models/weights/random-weights.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import { randomNetwork } from '../../support/models/random-network.js';
import { RandomSource } from '../../support/weights/random-source.js';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-phases-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

const imageSize = 8;
const imageLength = 3 * imageSize ** 2;
const random = new RandomSource(3);
const images = Float32Array.from({ length: 2 * imageLength }, () => random.uniform() - 0.5);

async function run(graph: Uint8Array, output: string): Promise<Float32Array> {
  const session = await OnnxSession.open(graph, { provider: 'cpu', threads: 1 });
  try {
    const dims = [2, 3, imageSize, imageSize];
    return (await session.run({ images: { data: images, dims } }))[output]!;
  } finally {
    await session.close();
  }
}

const phasesOf = (network: Network) => {
  const names = stateDictSpecs(network).flatMap(({ name, role }) =>
    role === 'parameter' ? name : [],
  );
  const train = fc.subarray(names, { minLength: 1, maxLength: 3 });
  const point = fc.record({
    train,
    batchNorm: fc.constantFrom('frozen' as const, 'shard' as const),
  });
  return fc.array(point, { minLength: 1, maxLength: 2 }).map((phases) => ({
    network,
    phases: phases.map((phase) => ({ ...phase, except: [] })),
  }));
};

test("random phases: a prefix gives its boundaries' values for each image, one after the other", async () => {
  await fc.assert(
    fc.asyncProperty(randomNetwork.chain(phasesOf), async ({ network, phases }) => {
      const tensors = randomWeights(network, 1);
      const blobs = new BlobStore(dir);
      const plan = planPhases(network, imageSize, phases);
      const lowered = await lowerPhases(network, tensors, {
        phases: plan.phases,
        imageSize,
        blobs,
      });
      for (const { boundaries, numFeatures, backboneSha256 } of lowered) {
        const features = await run(await blobs.read(backboneSha256), 'features');
        expect(features.length).toBe(2 * numFeatures);
        const expected = await Promise.all(
          boundaries.map(async (output) => {
            if (output === imagesName) return images;
            const alone = { imageSize, output, outputName: 'alone' };
            return run(lowerNetwork(network, tensors, alone), 'alone');
          }),
        );
        const rows = [0, 1].flatMap((row) =>
          expected.flatMap((values) => {
            const length = values.length / 2;
            return [...values.subarray(row * length, (row + 1) * length)];
          }),
        );
        // A convolution that a batch norm is folded into, or not, rounds otherwise.
        const scale = Math.max(1, ...rows.map(Math.abs));
        const errors = rows.map((value, i) => Math.abs(value - features[i]!) / scale);
        expect(Math.max(...errors)).toBeLessThan(1e-5);
      }
      expect(lowered.length).toBe(phases.length);
    }),
    { numRuns: 60 },
  );
});

test('phases that are divided at the same place share their prefix', async () => {
  const network = fc.sample(randomNetwork, { numRuns: 1, seed: 1 })[0]!;
  const phase = (...train: string[]) => ({ train, except: [], batchNorm: 'frozen' as const });
  const plan = planPhases(network, imageSize, [phase('head'), phase('all'), phase('stem')]);
  const blobs = new BlobStore(dir);
  const lowered = await lowerPhases(network, randomWeights(network, 1), {
    ...{ phases: plan.phases, imageSize, blobs },
  });
  const [head, all, stem] = lowered.map(({ backboneSha256 }) => backboneSha256);
  expect(all).toBe(stem);
  expect(all).not.toBe(head);
});
