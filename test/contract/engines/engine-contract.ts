import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Partial } from '../../../src/collective/messages.js';
import { finishTree } from '../../../src/collective/tree.js';
import type {
  PhaseEngine,
  ShardBatch,
  ShardPlace,
  ShardSums,
  TrainingTensors,
} from '../../../src/engines/phase-engine.js';
import {
  randomBatch,
  randomMix,
  range,
  selectShards,
  withDropout,
  type BatchSizes,
} from './phase-batches.js';

/** An engine of one kind, small enough to be run a hundred times. */
export interface EngineFixture {
  readonly open: () => Promise<PhaseEngine>;
  readonly sizes: Omit<BatchSizes, 'numShards'>;
  readonly tensors: TrainingTensors;
  /** Values of the gradient in a step vector, and of batch statistics after it (with the number of shards that have any, if there are). */
  readonly numGradients: number;
  readonly numStatistics: number;
  /** Whether there is dropout in what is trained. */
  readonly dropsOut: boolean;
}

/** Of the run; no power of two, so that the tree is a ragged one. */
const numShards = 11;

/** Shards as workers may own them. */
const splits: readonly (readonly number[])[] = [
  [5, 6],
  [1, 3, 7],
  [8, 3],
  [2, 2, 2, 0, 5],
  [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
];

const bitsOf = (values: Float32Array): string => Buffer.from(values.slice().buffer).toString('hex');

/** All of a batch's values, as text. */
const contentOf = (batch: ShardBatch): string =>
  JSON.stringify(batch, (_, value: unknown) =>
    ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
      : value,
  );

/** What every engine promises (src/engines/phase-engine.ts). */
export function describeEngine(name: string, fixture: EngineFixture): void {
  const { sizes, tensors, numGradients, numStatistics } = fixture;
  const { rowsPerShard, numFeatures, numClasses } = sizes;
  const vectorLength = numGradients + numStatistics + 4;
  let engine: PhaseEngine;
  let batch: ShardBatch;

  const placeOf = (firstShard: number, owned: number): ShardPlace => ({
    firstShard,
    numShards: owned,
    numShardsOfRun: numShards,
  });
  /** The owned shards' partials. */
  const partialsOf = (of: ShardBatch, first: number, owned: number): Promise<Partial[]> =>
    engine.gradients(
      [selectShards(of, range(first, first + owned))],
      placeOf(first, owned),
      tensors,
    );
  /** The whole tree's sum, computed by one worker. */
  const whole = async (of: ShardBatch): Promise<Float32Array> => {
    const [root, ...others] = await partialsOf(of, 0, numShards);
    expect(others).toEqual([]);
    expect(root!.node).toBe(1);
    return root!.values;
  };
  /** One shard's step vector. */
  const vectorOf = async (of: ShardBatch, shard: number): Promise<Float32Array> =>
    (await partialsOf(of, shard, 1))[0]!.values;

  describe(name, () => {
    beforeAll(async () => {
      engine = await fixture.open();
      const plain = randomBatch({ ...sizes, numShards }, 21);
      const mixed = { ...plain, mix: randomMix(plain, 5) };
      batch = fixture.dropsOut ? withDropout(mixed, 7) : mixed;
    });
    afterAll(async () => {
      await engine.close();
    });

    test('the sum of all shards has the same bits however they are divided over workers', async () => {
      const expected = await whole(batch);
      expect(expected.length).toBe(vectorLength);
      expect(expected.every(Number.isFinite)).toBe(true);
      for (const split of splits) {
        const partials = new Map<number, Float32Array>();
        let first = 0;
        for (const owned of split) {
          for (const { node, values } of await partialsOf(batch, first, owned)) {
            partials.set(node, values);
          }
          first += owned;
        }
        expect({ split, bits: bitsOf(finishTree(numShards, partials)) }).toEqual({
          split,
          bits: bitsOf(expected),
        });
      }
    });

    test('an evaluation has the same sums of a shard in any batch', async () => {
      const together = await engine.evaluate(batch, tensors);
      const orders = [
        ...range(0, numShards).map((shard) => [shard]),
        range(0, numShards).toReversed(),
        ...range(2, numShards).map((from) => range(from, numShards)),
      ];
      for (const shards of orders) {
        const some = await engine.evaluate(selectShards(batch, shards), tensors);
        const sums = (of: ShardSums, at: readonly number[]): unknown =>
          at.map((shard) => [of.losses_S[shard], of.correct_S[shard]]);
        expect(sums(some, range(0, shards.length))).toEqual(sums(together, shards));
      }
    });

    test('the vector ends with loss, weight, right answers and rows', async () => {
      const plain = { ...batch, mix: null, dropout: null };
      for (const shard of [0, 2, 5]) {
        const vector = await vectorOf(plain, shard);
        expect(vector.length).toBe(vectorLength);
        const { losses_S, correct_S } = await engine.evaluate(
          selectShards(plain, [shard]),
          tensors,
        );
        const [loss, weight, correct, rows] = vector.slice(-4);
        // The sums of an evaluation are the training pass's where both normalise alike.
        if (numStatistics === 0 && !fixture.dropsOut) {
          expect([loss, correct]).toEqual([losses_S[0], correct_S[0]]);
        }
        expect([weight, rows]).toEqual([batch.weights_S[shard], batch.counts_S[shard]]);
      }
    });

    test('padding rows add nothing, whatever their features are', async () => {
      const other = { ...batch, features_SBF: batch.features_SBF.slice() };
      for (const [row, label] of batch.labels_SB.entries()) {
        if (label < 0) other.features_SBF.fill(0.75, row * numFeatures, (row + 1) * numFeatures);
      }
      expect(bitsOf(await whole(other))).toBe(bitsOf(await whole(batch)));
      expect(await engine.evaluate(other, tensors)).toEqual(await engine.evaluate(batch, tensors));
    });

    test('a shard without rows gives zeros', async () => {
      expect(batch.counts_S[2]).toBe(0);
      const vector = await vectorOf(batch, 2);
      expect(vector.every((value) => value === 0)).toBe(true);
    });

    test('mixup gives what mixed features give', async () => {
      const { partners_SB, lambdas_SB } = batch.mix!;
      const mixed = batch.features_SBF.map((value, i) => {
        const row = Math.floor(i / numFeatures);
        const first = row - (row % rowsPerShard);
        const partner = (first + partners_SB[row]!) * numFeatures + (i % numFeatures);
        const lambda = lambdas_SB[row]!;
        return lambda === 1
          ? value
          : Math.fround(lambda * value + (1 - lambda) * batch.features_SBF[partner]!);
      });
      const premixed = { ...batch, features_SBF: mixed, mix: null };
      expect(bitsOf(await whole(premixed))).toBe(bitsOf(await whole(batch)));
      // A row alone in its shard is its own partner.
      if (rowsPerShard === 1) return;
      expect(bitsOf(await whole({ ...batch, mix: null }))).not.toBe(bitsOf(await whole(batch)));
    });

    test('an evaluation mixes nothing and drops nothing', async () => {
      const plain = { ...batch, mix: null, dropout: null };
      expect(await engine.evaluate(batch, tensors)).toEqual(await engine.evaluate(plain, tensors));
    });

    const { dropsOut } = fixture;
    const what = dropsOut ? 'follows the step and the samples, not the place' : 'there is none';
    test(`dropout: ${what}`, async () => {
      const bits = bitsOf(await whole(batch));
      expect(bitsOf(await whole(withDropout(batch, 7)))).toBe(bits);
      expect(bitsOf(await whole(withDropout(batch, 8))) === bits).toBe(!dropsOut);
      expect(bitsOf(await whole({ ...batch, dropout: null })) === bits).toBe(!dropsOut);
    });

    test('of several batches each shard is the float32 sum of its vectors, however shards are divided', async () => {
      const half = batch.features_SBF.map((value) => value / 2);
      const batches = [batch, { ...batch, features_SBF: half }, { ...batch, mix: null }];
      const partials = async (first: number, owned: number): Promise<Partial[]> =>
        engine.gradients(
          batches.map((of) => selectShards(of, range(first, first + owned))),
          placeOf(first, owned),
          tensors,
        );
      const shards = new Map<number, Float32Array>();
      for (const shard of range(0, numShards)) {
        const [own] = await partials(shard, 1);
        const vectors: Float32Array[] = [];
        for (const of of batches) vectors.push(await vectorOf(of, shard));
        const expected = vectors.reduce((sum, vector) =>
          sum.map((value, i) => Math.fround(value + vector[i]!)),
        );
        // Numbers alone: a sum that begins with 0 has no -0.
        expect([...own!.values].map((value) => value + 0)).toEqual(
          [...expected].map((value) => value + 0),
        );
        shards.set(own!.node, own!.values);
      }
      const [root] = await partials(0, numShards);
      expect(bitsOf(finishTree(numShards, shards))).toBe(bitsOf(root!.values));
    });

    test('a worker without shards has no partials and no sums', async () => {
      expect(await partialsOf(batch, 0, 0)).toEqual([]);
      const none = await engine.evaluate(selectShards(batch, []), tensors);
      expect([none.losses_S.length, none.correct_S.length]).toEqual([0, 0]);
    });

    test('results belong to the caller, and a batch is only read', async () => {
      const before = contentOf(batch);
      const first = await whole(batch);
      const kept = bitsOf(first);
      const other = { ...batch, features_SBF: batch.features_SBF.map((value) => value / 2) };
      await whole(other);
      expect(bitsOf(first)).toBe(kept);
      first.fill(0);
      expect(bitsOf(await whole(batch))).toBe(kept);
      expect(contentOf(batch)).toBe(before);
    });

    test('a batch of another shape is refused, and the engine goes on', async () => {
      const wrong = randomBatch({ ...sizes, rowsPerShard: rowsPerShard + 1, numShards: 3 }, 1);
      await expect(engine.gradients([wrong], placeOf(0, 3), tensors)).rejects.toThrow(
        `A batch of 3 x ${rowsPerShard + 1} rows does not fit an engine of ${rowsPerShard} rows, ${numFeatures} features and ${numClasses} classes.`,
      );
      const parameters = tensors.parameters.subarray(1);
      await expect(engine.evaluate(batch, { ...tensors, parameters })).rejects.toThrow(
        `${parameters.length} parameters are not those of the run's state.`,
      );
      expect((await vectorOf(batch, 0)).length).toBe(vectorLength);
    });
  });
}
