import type { OptimizerSpec } from '../../../src/config/phase-spec.js';
import type { StoredTensor, TensorSet } from '../../../src/models/weights/tensor-set.js';
import { moveStatistics } from '../../../src/train/statistics.js';
import { updateRange, updateScalars } from '../../../src/train/optimizers/update.js';
import type { OurGraph } from './our-graph.js';
import type { Problem, Resolved, Rows } from './problem.js';

/** The sum over the shards of an output [S, length]. */
function sumOfShards(output: Float32Array, numShards: number): Float32Array {
  const length = output.length / numShards;
  const sum = output.slice(0, length);
  for (let i = length; i < output.length; i++) {
    const place = i % length;
    sum[place] = sum[place]! + output[i]!;
  }
  return sum;
}

/** A plain loop over our graph's gradients: the mean loss of each step. */
export async function trainWithOurs(
  graph: OurGraph,
  {
    problem,
    resolved,
    tensors,
    features,
    rows,
  }: {
    readonly problem: Problem;
    readonly resolved: Resolved;
    readonly tensors: TensorSet;
    readonly features: Float32Array;
    readonly rows: Rows;
  },
  optimizer: OptimizerSpec,
  numSteps: number,
): Promise<number[]> {
  const { counts, network } = problem;
  const numShards = counts.length;
  const numRows = counts.reduce((sum, count) => sum + count, 0);
  const copies = [...tensors].flatMap(([name, { shape, data }]): [string, StoredTensor][] =>
    data instanceof Float32Array ? [[name, { shape, data: data.slice() }]] : [],
  );
  const state = new Map(copies);
  const valuesOf = (name: string) => state.get(name)!.data as Float32Array;
  const moments = new Map(
    resolved.trained.map((name) => {
      const parameters = valuesOf(name);
      const empty = () => new Float32Array(parameters.length);
      return [name, { parameters, firstMoments: empty(), secondMoments: empty() }];
    }),
  );
  const losses: number[] = [];
  for (let step = 0; step < numSteps; step++) {
    const outputs = await graph.run(state, { features, rows, step });
    losses.push(sumOfShards(outputs['losses']!, numShards)[0]! / numRows);
    const scalars = updateScalars(optimizer, {
      ...{ step: step + 1, learningRate: optimizer.learningRate, weightDecay: 0 },
    });
    for (const [name, own] of moments) {
      const mean = sumOfShards(outputs[`gradient/${name}`]!, numShards).map((sum) => sum / numRows);
      const whole = { gradientOffset: 0, parameterOffset: 0, length: mean.length };
      updateRange(own, mean, whole, scalars);
    }
    for (const name of resolved.statistics) {
      const layer = network.layers.find((candidate) => candidate.name === name)!;
      if (layer.kind !== 'batchNorm' || layer.momentum === null) throw new Error(name);
      const { channels, momentum } = layer;
      const mean = valuesOf(`${name}.running_mean`);
      const variance = valuesOf(`${name}.running_var`);
      const moved = Float32Array.of(...mean, ...variance);
      const sums = ['batch_mean', 'batch_var'].flatMap((output) => [
        ...sumOfShards(outputs[`${output}/${name}`]!, numShards),
      ]);
      const entry = { layer: name, channels, momentum, offset: 0 };
      moveStatistics(moved, [entry], Float32Array.of(...sums, numShards));
      mean.set(moved.subarray(0, channels));
      variance.set(moved.subarray(channels));
    }
  }
  return losses;
}
