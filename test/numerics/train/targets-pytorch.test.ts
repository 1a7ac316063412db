import { describe, expect, it } from 'vitest';
import { targetsOf } from '../../../src/train/targets.js';
import { noise } from './formulas.js';
import { fixture } from './update-fixture.js';

const numRows = 12;
const numClasses = 5;
const logits_NK = Array.from({ length: numRows * numClasses }, (_, i) =>
  Math.fround(noise(300 + i) * 6),
);

const rows = {
  rowsPerShard: 3,
  numClasses,
  labels_SB: Int32Array.from(
    { length: numRows },
    (_, i) => (3 * i + Math.floor(i / 4)) % numClasses,
  ),
};

/** The script's partners are rows of the whole batch; so here the batch is one shard, where they are mixed. */
const mix = {
  partners_SB: Int32Array.from({ length: numRows }, (_, i) => (i * 5 + 1) % numRows),
  lambdas_SB: Float32Array.from({ length: numRows }, (_, i) => noise(40 + i) + 0.5),
};

describe('targets', () => {
  it.each(fixture.losses)(
    'give the mean loss and gradient of CrossEntropyLoss (smoothing $labelSmoothing, weights $classWeights, mixup $mix)',
    ({ labelSmoothing, classWeights, mix: isMixed, loss, gradient }) => {
      const classWeights_K = classWeights === null ? null : Float32Array.from(classWeights);
      const { targets_SBK, weights_S } = targetsOf(
        isMixed ? { ...rows, rowsPerShard: numRows } : rows,
        { classWeights_K, labelSmoothing, mix: isMixed ? mix : null },
      );
      expect(weights_S.length).toBe(isMixed ? 1 : 4);
      const weight = weights_S.reduce((sum, value) => sum + value, 0);
      let total = 0;
      for (let row = 0; row < numRows; row += 1) {
        const logits = logits_NK.slice(row * numClasses, (row + 1) * numClasses);
        const q = targets_SBK.subarray(row * numClasses, (row + 1) * numClasses);
        const logSum = Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0));
        const sumOfQ = q.reduce((sum, value) => sum + value, 0);
        logits.forEach((z, k) => {
          total -= q[k]! * (z - logSum);
          const own = (Math.exp(z - logSum) * sumOfQ - q[k]!) / weight;
          expect(Math.abs(own - gradient[row * numClasses + k]!)).toBeLessThan(1e-7);
        });
      }
      expect(Math.abs(total / weight - loss) / loss).toBeLessThan(1e-6);
    },
  );
});
