import { expect, test } from 'vitest';
import { CounterRng } from '../../../src/data/rng.js';
import { OnnxSession } from '../../../src/engines/onnx-session.js';
import { crossEntropy } from '../../../src/models/derivatives/loss.js';
import { GraphBuilder } from '../../../src/models/onnx/graph-builder.js';

interface Sizes {
  readonly numShards: number;
  readonly rowsPerShard: number;
  readonly numClasses: number;
}

function lossGraph(sizes: Sizes): Uint8Array {
  const { numShards, rowsPerShard, numClasses } = sizes;
  const rows = numShards * rowsPerShard;
  const graph = new GraphBuilder('loss');
  graph.input('logits', 'float', [rows, numClasses]);
  graph.input('targets', 'float', [rows, numClasses]);
  const values = { logits: 'logits', targets: 'targets' };
  const { losses_S11, dLogits } = crossEntropy(graph, 'loss', values, sizes);
  graph.outputAs('losses', losses_S11);
  graph.outputAs('d_logits', dLogits());
  return graph.build();
}

/** Losses and gradients of the shards [first, first + S) of all that the values are of. */
async function run(
  sizes: Sizes,
  first: number,
  { logits, targets }: { readonly logits: Float32Array; readonly targets: Float32Array },
): Promise<{ readonly losses: Float32Array; readonly dLogits: Float32Array }> {
  const { numShards, rowsPerShard, numClasses } = sizes;
  const each = rowsPerShard * numClasses;
  const of = (values: Float32Array) => ({
    data: values.slice(first * each, (first + numShards) * each),
    dims: [numShards * rowsPerShard, numClasses],
  });
  const session = await OnnxSession.open(lossGraph(sizes), { provider: 'cpu', threads: 1 });
  try {
    const outputs = await session.run({ logits: of(logits), targets: of(targets) });
    return { losses: outputs['losses']!, dLogits: outputs['d_logits']! };
  } finally {
    await session.close();
  }
}

/** Targets as label smoothing and mixup make them: no zeros, so that every product counts. */
function values(length: number) {
  const rng = new CounterRng(4, 'loss');
  return {
    logits: Float32Array.from({ length }, (_, i) => 8 * rng.uniform(2 * i) - 4),
    targets: Float32Array.from({ length }, (_, i) => rng.uniform(2 * i + 1)),
  };
}

for (const numClasses of [1, 2, 3, 16, 102, 1000]) {
  test(`the loss of ${numClasses} classes has the same bits for any number of shards in a run`, async () => {
    for (const rowsPerShard of [1, 2, 3, 4, 8]) {
      const all = { numShards: 8, rowsPerShard, numClasses };
      const each = rowsPerShard * numClasses;
      const given = values(8 * each);
      const expected = await run(all, 0, given);
      for (const numShards of [1, 2, 4]) {
        for (let first = 0; first < 8; first += numShards) {
          const { losses, dLogits } = await run({ ...all, numShards }, first, given);
          expect(losses).toEqual(expected.losses.slice(first, first + numShards));
          const end = (first + numShards) * each;
          expect(dLogits).toEqual(expected.dLogits.slice(first * each, end));
        }
      }
    }
  });
}
