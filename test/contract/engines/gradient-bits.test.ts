import { describe, expect, test } from 'vitest';
import type {
  GradientEngine,
  ShardGradients,
  ShardSums,
} from '../../../src/engines/gradient-engine.js';
import { openHeadSession } from '../../../src/engines/head-session.js';
import { openThreadedHeadEngine } from '../../../src/engines/threaded-head-engine.js';
import { headLayout } from '../../../src/models/head.js';
import type { HeadDescription } from '../../../src/models/prepared-model.js';
import {
  bitsOfShard,
  convHeadOfSize,
  headOfSize,
  randomBatch,
  randomFloats,
  selectShards,
} from './head-batches.js';

const provider = 'cpu';

/** Whether two results say the same of two shards, bit for bit. */
function sameShard(
  a: ShardGradients | ShardSums,
  shardOfA: number,
  b: ShardGradients | ShardSums,
  shardOfB: number,
): boolean {
  const [inA, inB] = [a.losses_S.length, b.losses_S.length];
  const same = (x: Float32Array, y: Float32Array): boolean =>
    bitsOfShard(x, shardOfA, inA) === bitsOfShard(y, shardOfB, inB);
  const sums = same(a.losses_S, b.losses_S) && same(a.correct_S, b.correct_S);
  if (!('gradients_SP' in a && 'gradients_SP' in b)) return sums;
  return sums && same(a.gradients_SP, b.gradients_SP);
}

/** 16 shards together, and again in other companies: each alone, in reverse, and in every prefix length. */
async function expectShardsIndependent(
  engine: GradientEngine,
  rowsPerShard: number,
  head: HeadDescription,
): Promise<void> {
  const numShards = 16;
  const { numFeatures, numClasses } = head;
  const sizes = { numShards, rowsPerShard, numFeatures, numClasses };
  const batch = randomBatch(sizes, rowsPerShard);
  const parameters = randomFloats(headLayout(head).length, 0.2, 99);
  const together = await engine.gradients(batch, parameters);
  const everyShard = Array.from({ length: numShards }, (_, i) => i);
  const companies = [
    ...everyShard.map((shard) => [shard]),
    everyShard.toReversed(),
    ...everyShard.slice(1, -1).map((size) => everyShard.slice(numShards - size - 1)),
  ];
  for (const shards of companies) {
    const selected = selectShards(batch, shards);
    const result = await engine.gradients(selected, parameters);
    const evaluated = await engine.evaluate(selected, parameters);
    const differing = shards.filter(
      (shard, place) =>
        !sameShard(result, place, together, shard) || !sameShard(evaluated, place, together, shard),
    );
    expect({ rowsPerShard, shards, differing }).toEqual({ rowsPerShard, shards, differing: [] });
  }
}

describe('a shard has the same bits in any batch', () => {
  const shapes = [
    [512, 16],
    [1792, 16],
    [512, 102],
    [37, 3],
    [8, 2],
  ] as const;
  for (const [numFeatures, numClasses] of shapes) {
    test(`with ${numFeatures} features and ${numClasses} classes, for 1 to 8 rows and 1 to 16 shards`, async () => {
      for (let rowsPerShard = 1; rowsPerShard <= 8; rowsPerShard++) {
        const head = headOfSize(numFeatures, numClasses);
        const engine = await openHeadSession({ head, rowsPerShard, provider });
        await expectShardsIndependent(engine, rowsPerShard, head);
        await engine.close();
      }
    });
  }

  // Images of 64 and 224 pixels, one of a single pixel, and an odd one.
  const images = [
    [512, 3, 3, 16],
    [512, 13, 13, 5],
    [64, 1, 1, 3],
    [37, 5, 2, 7],
  ] as const;
  for (const [channels, height, width, numClasses] of images) {
    test(`with a convolution on ${channels} channels of ${height} x ${width} and ${numClasses} classes, for 1 to 4 rows`, async () => {
      for (let rowsPerShard = 1; rowsPerShard <= 4; rowsPerShard++) {
        const head = convHeadOfSize(channels, height, width, numClasses);
        const engine = await openHeadSession({ head, rowsPerShard, provider });
        await expectShardsIndependent(engine, rowsPerShard, head);
        await engine.close();
      }
    }, 60_000);
  }
});

test('the worker thread and the calling thread compute the same bits', async () => {
  const options = { head: headOfSize(1792, 16), rowsPerShard: 2, provider } as const;
  const inline = await openHeadSession(options);
  const threaded = await openThreadedHeadEngine(options);
  const sizes = { numShards: 16, rowsPerShard: 2, numFeatures: 1792, numClasses: 16 };
  const batch = randomBatch(sizes, 1);
  const parameters = randomFloats(16 * 1793, 0.1, 2);
  const results = [
    await inline.gradients(batch, parameters),
    await threaded.gradients(batch, parameters),
  ] as const;
  for (let shard = 0; shard < 16; shard++) {
    expect(sameShard(results[1], shard, results[0], shard)).toBe(true);
  }
  expect(await threaded.evaluate(batch, parameters)).toEqual(
    await inline.evaluate(batch, parameters),
  );
  // The caller's arrays are still its own.
  expect(batch.features_SBF.length).toBe(16 * 2 * 1792);
  await inline.close();
  await threaded.close();
});
