import { graphNames } from '../../../src/engines/network/graph-names.js';
import { OnnxSession, type TensorValue } from '../../../src/engines/onnx-session.js';
import {
  trainingGraph,
  type TrainingGraphOptions,
} from '../../../src/models/derivatives/training-graph.js';
import { floatsOf, type TensorSet } from '../../../src/models/weights/tensor-set.js';
import { auxiliaryWeight, type Problem, type Resolved, type Rows } from './problem.js';

/** A change of the graph's options: a fault that the suite must see. */
export type Fault = (options: TrainingGraphOptions) => TrainingGraphOptions;

/** The step of rows that is computed, and their features. */
export interface Step {
  readonly features: Float32Array;
  readonly rows: Rows;
  readonly step: number;
}

/** The outputs that the judge has too. */
export function judgedOutputs(outputs: Readonly<Record<string, Float32Array>>) {
  return Object.fromEntries(
    Object.entries(outputs).filter(([name]) => name !== graphNames.correct),
  );
}

/** Our training graph of a problem, in onnxruntime. */
export class OurGraph {
  readonly #session: OnnxSession;
  readonly #problem: Problem;

  private constructor(session: OnnxSession, problem: Problem) {
    this.#session = session;
    this.#problem = problem;
  }

  static async open(
    problem: Problem,
    resolved: Resolved,
    tensors: TensorSet,
    pass: 'gradient' | 'evaluation',
    fault: Fault = (options) => options,
  ): Promise<OurGraph> {
    const { network, imageSize, batchNorm, counts, rowsPerShard } = problem;
    const { trained, statistics, boundaries } = resolved;
    const moving = statistics.flatMap((name) => [`${name}.running_mean`, `${name}.running_var`]);
    const options = fault({
      ...{
        network,
        tensors,
        imageSize,
        boundaries,
        batchNorm,
        rowsPerShard,
        auxiliaryWeight,
        pass,
      },
      ...{
        trained: new Set(trained),
        moved: new Set(trained),
        state: new Set([...trained, ...moving]),
      },
      numShards: counts.length,
    });
    const graph = trainingGraph(options);
    const session = await OnnxSession.open(graph, { provider: 'cpu', threads: 1 });
    return new OurGraph(session, problem);
  }

  /** Outputs by name, each [S, ...]; `state` has the values of what is no constant. */
  run(state: TensorSet, { features, rows, step }: Step): Promise<Record<string, Float32Array>> {
    const { counts, rowsPerShard } = this.#problem;
    const numRows = counts.length * rowsPerShard;
    const ofStep = <T extends Float32Array | Int32Array>(values: T): T => {
      const length = (values.length / rows.labels.length) * numRows;
      return values.subarray(step * length, (step + 1) * length) as T;
    };
    const labels = ofStep(rows.labels);
    const given = new Map<string, Float32Array | Int32Array>([
      [graphNames.features, ofStep(features)],
      [graphNames.targets, ofStep(rows.targets)],
      [graphNames.labels, labels],
      [graphNames.rowMask, Float32Array.from(labels, (label) => (label < 0 ? 0 : 1))],
      ...[...rows.masks].map(([layer, mask]) => [graphNames.dropout(layer), ofStep(mask)] as const),
    ]);
    const feeds = this.#session.inputs.map(({ name, shape }): [string, TensorValue] => [
      name,
      { data: given.get(name) ?? floatsOf(state, name), dims: shape.map(Number) },
    ]);
    return this.#session.run(Object.fromEntries(feeds));
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
