import { OnnxSession, type TensorValue } from '../../../src/engines/onnx-session.js';
import {
  trainingGraph,
  trainingGraphInputs,
  type TrainingGraphOptions,
} from '../../../src/models/derivatives/training-graph.js';
import { floatsOf, type TensorSet } from '../../../src/models/weights/tensor-set.js';
import { auxiliaryWeight, numClasses, type Problem, type Resolved, type Rows } from './problem.js';

/** A change of the graph's options: a fault that the suite must see. */
export type Fault = (options: TrainingGraphOptions) => TrainingGraphOptions;

/** The step of rows that is computed, and their features. */
export interface Step {
  readonly features: Float32Array;
  readonly rows: Rows;
  readonly step: number;
}

/** Our training graph of a problem, in onnxruntime. */
export class OurGraph {
  readonly #session: OnnxSession;
  readonly #options: TrainingGraphOptions;
  readonly #problem: Problem;

  private constructor(session: OnnxSession, options: TrainingGraphOptions, problem: Problem) {
    this.#session = session;
    this.#options = options;
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
      ...{ trained: new Set(trained), state: new Set([...trained, ...moving]) },
      numShards: counts.length,
    });
    const graph = trainingGraph(options);
    const session = await OnnxSession.open(graph, { provider: 'cpu', threads: 1 });
    return new OurGraph(session, options, problem);
  }

  /** Outputs by name, each [S, ...]; `state` has the values of what is no constant. */
  async run(
    state: TensorSet,
    { features, rows, step }: Step,
  ): Promise<Record<string, Float32Array>> {
    const { counts, rowsPerShard } = this.#problem;
    const numRows = counts.length * rowsPerShard;
    const ofStep = <T extends Float32Array | Int32Array>(values: T, width: number): T =>
      values.subarray(step * numRows * width, (step + 1) * numRows * width) as T;
    const matrix = (values: Float32Array): TensorValue => {
      const width = (values.length * numRows) / rows.labels.length / numRows;
      return { data: ofStep(values, width), dims: [numRows, width] };
    };
    const inputs = trainingGraphInputs(this.#options);
    const labels = ofStep(rows.labels, 1);
    const feeds: Record<string, TensorValue> = {
      features: matrix(features),
      targets: { data: ofStep(rows.targets, numClasses), dims: [numRows, numClasses] },
      labels: { data: labels, dims: [numRows] },
    };
    if (inputs.hasRowMask) {
      const mask = Float32Array.from(labels, (label) => (label < 0 ? 0 : 1));
      feeds['row_mask'] = { data: mask, dims: [numRows, 1] };
    }
    for (const { layer, shape } of inputs.dropout) {
      const { data } = matrix(rows.masks.get(layer)!);
      feeds[`dropout/${layer}`] = { data, dims: [numRows, ...shape] };
    }
    for (const { name, shape } of inputs.state) {
      feeds[name] = { data: floatsOf(state, name), dims: shape };
    }
    return this.#session.run(feeds);
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
