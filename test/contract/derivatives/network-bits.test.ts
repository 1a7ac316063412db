import { describe, expect, test } from 'vitest';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { resolveTrained } from '../../../src/models/split-point.js';
import { differingFromTreeSum, differingInCompany } from './support/network-bits.js';
import { NetworkCase } from './support/network-case.js';

/**
 * onnxruntime chooses kernels, layouts and fusions by sizes: those of real networks are others than those of small random ones. Small
 * images make them fast enough for a test.
 */
const cases = [
  ['resnet18', 'shard', 2],
  ['mobilenet_v2', 'frozen', 3],
  ['mobilenet_v2', 'shard', 1],
  ['squeezenet1_1', 'frozen', 2],
] as const;

describe('the training graph of a whole network', () => {
  for (const [architecture, batchNorm, rowsPerShard] of cases) {
    test(`${architecture}, batch norm ${batchNorm}: a shard of ${rowsPerShard} has the same bits alone and among others, and so have the sums over shards`, async () => {
      const network = describeNetwork(torchvisionSpec(architecture, 1, 7));
      const trained = new Set(resolveTrained(network, { train: ['all'], except: [] }));
      const counts = [rowsPerShard, Math.ceil(rowsPerShard / 2), 0, rowsPerShard];
      const options = { network, imageSize: 32, trained, batchNorm, counts, rowsPerShard, seed: 3 };
      const all = new NetworkCase(options);
      expect(await differingInCompany(all, 'gradient', [[0], [2], [3, 1]])).toEqual([]);
      expect(await differingInCompany(all, 'evaluation', [[1], [0, 3]])).toEqual([]);
      const { numSummed, differing } = await differingFromTreeSum(all);
      expect(numSummed).toBeGreaterThan(0);
      expect(differing).toEqual([]);
    }, 60_000);
  }
});
