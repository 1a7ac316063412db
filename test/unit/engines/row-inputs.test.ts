import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RowInputs } from '../../../src/engines/network/row-inputs.js';
import type { ShardBatch } from '../../../src/engines/phase-engine.js';

const rowLength = 64;
const dropouts = [{ layer: 'drop', probability: 0.5, rowLength, dims: [-1, rowLength] }];

function batchOf(samples: readonly string[], rowsPerShard: number): ShardBatch {
  const numShards = samples.length / rowsPerShard;
  return {
    ...{ numShards, rowsPerShard },
    features_SBF: new Float32Array(samples.length),
    targets_SBK: new Float32Array(2 * samples.length),
    labels_SB: Int32Array.from(samples, (sample) => (sample === '' ? -1 : 0)),
    weights_S: new Float32Array(numShards),
    counts_S: new Float32Array(numShards),
    mix: null,
    dropout: { seed: 1, step: 2, samples },
  };
}

/** The mask of each row of shards [first, first + numShards), as text. */
function masksOf(batch: ShardBatch, first: number, numShards: number): string[] {
  const { rowsPerShard } = batch;
  const sizes = { numShards, rowsPerShard, numFeatures: 1, numClasses: 2 };
  const inputs = new RowInputs(sizes, false, dropouts).of(batch, first, true);
  const masks = inputs['dropout/drop']!.data as Float32Array;
  return Array.from({ length: numShards * rowsPerShard }, (_, row) =>
    masks.subarray(row * rowLength, (row + 1) * rowLength).join(''),
  );
}

test('a sample that is drawn again in a batch has another mask each time, whichever shards are in a run', () => {
  const shards = fc.integer({ min: 1, max: 4 }).chain((rowsPerShard) =>
    fc.record({
      rowsPerShard: fc.constant(rowsPerShard),
      counts: fc.array(fc.nat(rowsPerShard), { minLength: 1, maxLength: 4 }),
      chosen: fc.infiniteStream(fc.nat(1)),
    }),
  );
  fc.assert(
    fc.property(shards, ({ rowsPerShard, counts, chosen }) => {
      const next = (): number => chosen.next().value as number;
      // Each shard has two samples of its own.
      const samples = counts.flatMap((count, shard) =>
        Array.from({ length: rowsPerShard }, (_, row) => (row < count ? `${shard}/${next()}` : '')),
      );
      const batch = batchOf(samples, rowsPerShard);
      const masks = masksOf(batch, 0, counts.length);
      const drawn = masks.filter((_, row) => samples[row] !== '');
      expect(new Set(drawn).size).toBe(drawn.length);
      for (const shard of counts.keys()) {
        const rows = [shard * rowsPerShard, (shard + 1) * rowsPerShard];
        // One that ends after the batch is filled up with padding.
        expect(masksOf(batch, shard, 2).slice(0, rowsPerShard)).toEqual(masks.slice(...rows));
      }
    }),
  );
});

test('the first row of a sample has the mask that it has where it is drawn once', () => {
  const [once] = masksOf(batchOf(['a', 'b'], 2), 0, 1);
  expect(masksOf(batchOf(['c', 'a', 'a', ''], 4), 0, 1)[1]).toBe(once);
});
