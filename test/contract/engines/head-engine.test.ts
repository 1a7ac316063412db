import { openEngineHere } from '../../../src/engines/open-engine-here.js';
import { openThreadedEngine } from '../../../src/engines/threaded-engine.js';
import { headLayout } from '../../../src/models/head.js';
import { parameterLayout } from '../../../src/models/parameter-layout.js';
import type { HeadDescription } from '../../../src/models/prepared-model.js';
import { describeEngine, type EngineFixture } from './engine-contract.js';
import { convHeadOfSize, headOfSize } from './head-batches.js';
import { randomFloats } from './phase-batches.js';

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

const heads: readonly (readonly [string, HeadDescription])[] = [
  ['a linear classifier of 512 features and 16 classes', headOfSize(512, 16)],
  ['a linear classifier of 37 features and 3 classes', headOfSize(37, 3)],
  ['a convolution on 64 channels of 3 x 3', convHeadOfSize(64, 3, 3, 16)],
  ['a convolution on 37 channels of 5 x 2', convHeadOfSize(37, 5, 2, 7)],
];

for (const [name, head] of heads) {
  for (const rowsPerShard of [1, 2, 3, 8]) {
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
