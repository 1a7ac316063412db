import { CounterRng } from '../../../../src/data/rng.js';
import { OnnxSession, type TensorValue } from '../../../../src/engines/onnx-session.js';
import {
  trainingGraph,
  trainingGraphInputs,
  type TrainingGraphOptions,
} from '../../../../src/models/derivatives/training-graph.js';
import { imagesName, type Layer, type Network } from '../../../../src/models/network.js';
import { inferShapes, type Shape } from '../../../../src/models/shapes.js';
import {
  boundariesOf,
  layersBehind,
  lossOutputs,
  phaseSuffix,
  trainedBatchNorms,
} from '../../../../src/models/split-point.js';
import { numElements, stateDictSpecs } from '../../../../src/models/tensor-specs.js';
import { float64CrossEntropy, float64Outputs, type ShardRows } from './float64-network.js';

export const auxiliaryWeight = 0.4;

export interface NetworkCaseOptions {
  readonly network: Network;
  readonly imageSize: number;
  readonly trained: ReadonlySet<string>;
  readonly batchNorm: 'frozen' | 'shard';
  /** Rows that count, of each shard; the others, at its end, are padding. */
  readonly counts: readonly number[];
  /** B */
  readonly rowsPerShard: number;
  readonly seed: number;
}

/** Rows side by side: of one shard, or of several. */
interface Rows {
  readonly features: Float32Array;
  readonly targets: Float32Array;
  readonly labels: Int32Array;
  readonly rowMask: Float32Array;
  readonly masks: ReadonlyMap<string, Float32Array>;
}

/** A network to train a part of, with rows to do it on: in onnxruntime, and plainly in float64. Legend: see training-graph.ts. */
export class NetworkCase {
  readonly options: NetworkCaseOptions;
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly boundaries: readonly string[];
  readonly tensors: ReadonlyMap<string, { readonly shape: Shape; readonly data: Float32Array }>;
  readonly #outputs: readonly string[];
  readonly #layers: readonly Layer[];
  readonly #byShard: ReadonlySet<string>;
  readonly #images: readonly Float64Array[];
  readonly #shards: readonly Rows[];
  readonly #numClasses: number;

  constructor(options: NetworkCaseOptions) {
    const { network, imageSize, trained, batchNorm, counts, rowsPerShard: B, seed } = options;
    this.options = options;
    this.#outputs = lossOutputs(network, trained);
    this.shapes = inferShapes(network, imageSize, ...this.#outputs);
    this.boundaries = boundariesOf(network, phaseSuffix(network, trained));
    this.#layers = network.layers.filter(({ name }) => this.shapes.has(name));
    this.#numClasses = this.shapes.get(network.output)![0]!;
    const norms = batchNorm === 'shard' ? trainedBatchNorms(network, trained) : [];
    this.#byShard = new Set(norms.map(({ name }) => name));
    const uniforms = (key: string, length: number): Float32Array => {
      const rng = new CounterRng(seed, 'network-case', key);
      return Float32Array.from({ length }, (_, i) => rng.uniform(i));
    };
    this.tensors = new Map(
      stateDictSpecs(network)
        .filter(({ role }) => role !== 'counter')
        .map(({ name, shape }) => {
          const drawn = uniforms(name, numElements(shape));
          // Batch norm's scales and variances are near 1; weights keep the size of what they multiply.
          const isPositive = shape.length === 1 && !/\.(bias|running_mean)$/.test(name);
          const reach = Math.sqrt(3 / Math.max(numElements(shape.slice(1)), 3));
          return [
            name,
            { shape, data: drawn.map((u) => (isPositive ? 0.5 + u : reach * (2 * u - 1))) },
          ];
        }),
    );
    const behind = new Set(
      layersBehind(network, this.boundaries, this.#outputs).map(({ name }) => name),
    );
    const dropouts = this.#layers.filter(
      ({ kind, name }) => kind === 'dropout' && behind.has(name),
    );
    const imageShape = this.shapes.get(imagesName)!;
    this.#images = counts.map((count, shard) => {
      const each = numElements(imageShape);
      const values = uniforms(`images ${shard}`, B * each);
      return Float64Array.from(values, (u, i) => (i < count * each ? 2 * u - 1 : 0));
    });
    this.#shards = counts.map((count, shard) => {
      const K = this.#numClasses;
      const isRow = (row: number): boolean => row < count;
      const masks = new Map(
        dropouts.map((layer) => {
          const probability = layer.kind === 'dropout' ? layer.probability : 0;
          const drawn = uniforms(
            `${layer.name} ${shard}`,
            B * numElements(this.shapes.get(layer.name)!),
          );
          const keep = 1 / (1 - probability);
          return [layer.name, drawn.map((u) => (u < probability ? 0 : keep))] as const;
        }),
      );
      const labels = uniforms(`labels ${shard}`, B);
      return {
        features: this.#featuresOf(shard),
        targets: uniforms(`targets ${shard}`, B * K).map((u, i) =>
          isRow(Math.floor(i / K)) ? u : 0,
        ),
        labels: Int32Array.from(labels, (u, row) => (isRow(row) ? Math.floor(u * K) : -1)),
        rowMask: Float32Array.from({ length: B }, (_, row) => (isRow(row) ? 1 : 0)),
        masks,
      };
    });
  }

  /** What the training graph is made of, for some number of shards. */
  graphOptions(
    numShards: number,
    pass: 'gradient' | 'evaluation',
    sumsShards = false,
  ): TrainingGraphOptions {
    const { network, imageSize, trained, batchNorm, rowsPerShard } = this.options;
    const moving = [...this.#byShard].flatMap((name) =>
      ['running_mean', 'running_var'].map((suffix) => `${name}.${suffix}`),
    );
    return {
      ...{ network, imageSize, trained, moved: trained, batchNorm, rowsPerShard, pass, sumsShards },
      ...{ numShards, auxiliaryWeight, boundaries: this.boundaries, tensors: this.tensors },
      state: new Set([...trained, ...moving]),
    };
  }

  /** The training graph's outputs for these shards. */
  async run(
    shards: readonly number[],
    pass: 'gradient' | 'evaluation' = 'gradient',
    sumsShards = false,
  ): Promise<Record<string, Float32Array>> {
    const options = this.graphOptions(shards.length, pass, sumsShards);
    const inputs = trainingGraphInputs(options);
    const N = shards.length * this.options.rowsPerShard;
    const rows = (pick: (shard: Rows) => Float32Array): Float32Array =>
      Float32Array.from(shards.flatMap((shard) => [...pick(this.#shards[shard]!)]));
    const value = (data: Float32Array, shape: readonly number[]): TensorValue => ({
      data,
      dims: [N, ...shape],
    });
    const features = rows((shard) => shard.features);
    const feeds: Record<string, TensorValue> = {
      features: value(features, [features.length / N]),
      targets: value(
        rows(({ targets }) => targets),
        [this.#numClasses],
      ),
      labels: {
        data: Int32Array.from(shards.flatMap((shard) => [...this.#shards[shard]!.labels])),
        dims: [N],
      },
    };
    for (const { name, shape } of inputs.state) {
      feeds[name] = { data: this.tensors.get(name)!.data, dims: shape };
    }
    for (const { layer, shape } of inputs.dropout) {
      feeds[`dropout/${layer}`] = value(
        rows(({ masks }) => masks.get(layer)!),
        shape,
      );
    }
    if (inputs.hasRowMask) {
      feeds['row_mask'] = value(
        rows(({ rowMask }) => rowMask),
        [1],
      );
    }
    const session = await OnnxSession.open(trainingGraph(options), { provider: 'cpu', threads: 1 });
    try {
      return await session.run(feeds);
    } finally {
      await session.close();
    }
  }

  /** Of a shard's rows; -1: padding. */
  labels(shard: number): readonly number[] {
    return [...this.#shards[shard]!.labels];
  }

  /** The loss of a shard in float64, with some of the tensors replaced. */
  loss(shard: number, changed: ReadonlyMap<string, Float64Array> = new Map()): number {
    const { network } = this.options;
    const rows = this.#rowsOf(shard, changed, this.#shards[shard]!.masks);
    const values = float64Outputs(this.#layers, this.#images[shard]!, rows);
    const targets = Float64Array.from(this.#shards[shard]!.targets);
    return this.#outputs.reduce((sum, output) => {
      const weight = output === network.output ? 1 : auxiliaryWeight;
      return sum + weight * float64CrossEntropy(values.get(output)!, targets, this.#numClasses);
    }, 0);
  }

  #rowsOf(
    shard: number,
    changed: ReadonlyMap<string, Float64Array> = new Map(),
    masks: ReadonlyMap<string, Float32Array> = new Map(),
  ): ShardRows {
    const { rowsPerShard: rows, counts } = this.options;
    const wide = (values: Float32Array) => Float64Array.from(values);
    return {
      rows,
      shapes: this.shapes,
      tensors: new Map(
        [...this.tensors].map(([name, { data }]) => [name, changed.get(name) ?? wide(data)]),
      ),
      masks: new Map([...masks].map(([layer, mask]) => [layer, wide(mask)])),
      counts: Array.from({ length: rows }, (_, row) => row < counts[shard]!),
      isTraining: true,
      byShard: this.#byShard,
    };
  }

  /** The boundaries' outputs, row by row; zeros in padding. They hold nothing that is trained, and nothing is dropped before them. */
  #featuresOf(shard: number): Float32Array {
    const { rowsPerShard: B, counts } = this.options;
    const images = this.#images[shard]!;
    const values =
      this.boundaries.join() === imagesName
        ? new Map([[imagesName, images]])
        : float64Outputs(this.#layers, images, this.#rowsOf(shard));
    const rows = Array.from({ length: B }, (_, row) =>
      this.boundaries.map((name) => {
        const width = values.get(name)!.length / B;
        const own = values.get(name)!.subarray(row * width, (row + 1) * width);
        return row < counts[shard]! ? [...own] : new Array<number>(width).fill(0);
      }),
    );
    return Float32Array.from(rows.flat(2));
  }
}
