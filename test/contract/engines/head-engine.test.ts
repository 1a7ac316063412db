import { expect, test } from 'vitest';
import { openEngineHere } from '../../../src/engines/open-engine-here.js';
import { openThreadedEngine } from '../../../src/engines/threaded-engine.js';
import { headLayout } from '../../../src/models/head.js';
import { parameterLayout } from '../../../src/models/parameter-layout.js';
import type { HeadDescription } from '../../../src/models/prepared-model.js';
import { describeEngine, type EngineFixture } from './engine-contract.js';
import { convHeadOfSize, headOfSize } from './heads.js';
import { randomBatch, randomFloats } from './phase-batches.js';

function fixtureOf(head: HeadDescription, rowsPerShard: number): Omit<EngineFixture, 'open'> {
  const layout = layoutOf(head);
  return {
    sizes: { rowsPerShard, numFeatures: head.numFeatures, numClasses: head.numClasses },
    tensors: {
      parameters: randomFloats(layout.length, 0.2, 9),
      statistics: new Float32Array(0),
    },
    numGradients: headLayout(head).length,
    numStatistics: 0,
    dropsOut: false,
  };
}

/** A state that has more than the head's parameters, on both sides of them. */
function layoutOf(head: HeadDescription) {
  return parameterLayout([
    ...headLayout(head).entries,
    { name: 'a.weight', shape: [3, 2] },
    { name: 'z.weight', shape: [5] },
  ]);
}

const linear = (numFeatures: number, numClasses: number) =>
  [
    `a linear classifier of ${numFeatures} features and ${numClasses} classes`,
    headOfSize(numFeatures, numClasses),
  ] as const;
const convolution = (channels: number, height: number, width: number, numClasses: number) =>
  [
    `a convolution on ${channels} channels of ${height} x ${width}, ${numClasses} classes`,
    convHeadOfSize(channels, height, width, numClasses),
  ] as const;

/** squeezenet's images are of 64 and 224 pixels, one of a single pixel, and an odd one. */
const heads: readonly (readonly [string, HeadDescription, readonly number[]])[] = [
  [...linear(512, 16), [1, 2, 3, 4, 5, 6, 7, 8]],
  [...linear(37, 3), [1, 2, 3, 4, 5, 6, 7, 8]],
  [...linear(1792, 16), [1, 3, 8]],
  [...linear(512, 102), [1, 2, 5]],
  [...linear(8, 2), [1, 2, 4]],
  [...convolution(64, 1, 1, 3), [1, 4]],
  [...convolution(37, 5, 2, 7), [1, 2, 3, 4]],
  [...convolution(512, 3, 3, 16), [1, 4]],
  [...convolution(512, 13, 13, 5), [2]],
];

for (const [name, head, sizes] of heads) {
  for (const rowsPerShard of sizes) {
    const options = { kind: 'head', head, layout: layoutOf(head), rowsPerShard } as const;
    describeEngine(`${name}, ${rowsPerShard} rows a shard`, {
      ...fixtureOf(head, rowsPerShard),
      open: () => openEngineHere({ ...options, provider: 'cpu' }),
    });
  }
}

{
  const head = headOfSize(1792, 16);
  const options = { kind: 'head', head, layout: layoutOf(head), rowsPerShard: 4 } as const;
  describeEngine('a classifier in a worker thread', {
    ...fixtureOf(head, 4),
    open: () => openThreadedEngine({ ...options, provider: 'cpu' }),
  });
}

test('a classifier of a state in shared memory, in the calling thread, gives the same bits', async () => {
  const head = headOfSize(37, 3);
  const { sizes, tensors } = fixtureOf(head, 4);
  const options = { kind: 'head', head, layout: layoutOf(head), rowsPerShard: 4 } as const;
  const engine = await openEngineHere({ ...options, provider: 'cpu' });
  const parameters = new Float32Array(new SharedArrayBuffer(tensors.parameters.byteLength));
  parameters.set(tensors.parameters);
  const batch = randomBatch({ ...sizes, numShards: 4 }, 3);
  const place = { firstShard: 0, numShards: 4, numShardsOfRun: 4 };
  const results = [tensors, { ...tensors, parameters }].map(async (state) => [
    await engine.gradients([batch], place, state),
    await engine.evaluate(batch, state),
  ]);
  expect(await results[1]).toEqual(await results[0]);
  await engine.close();
});
