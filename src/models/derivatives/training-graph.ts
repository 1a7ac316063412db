import { classifierOf, type Layer, type Network } from '../network.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import { inferShapes, type Shape } from '../shapes.js';
import { layersBehind, lossOutputs } from '../split-point.js';
import { layerTensors, numElements } from '../tensor-specs.js';
import { floatsOf, type TensorSet } from '../weights/tensor-set.js';
import { crossEntropy } from './loss.js';
import type { LayerForward, RuleContext } from './rule.js';
import { ruleOf } from './rules.js';

/** Legend: S shards, B rows of each, N = S * B, F features of a row, K classes, C channels. */
export interface TrainingGraphOptions {
  readonly network: Network;
  /** What the state does not have: the constants of the graph. */
  readonly tensors: TensorSet;
  readonly imageSize: number;
  /** The layers, or `images`, whose outputs are the features (split-point.ts). */
  readonly boundaries: readonly string[];
  /** Parameters whose gradient is wanted. */
  readonly trained: ReadonlySet<string>;
  /** Parameters that have moved in this phase or before it: they decide which auxiliary classifiers count. */
  readonly moved: ReadonlySet<string>;
  /** Tensors that are inputs of the graph: parameters, and running statistics. */
  readonly state: ReadonlySet<string>;
  /** How batch norms with a trained parameter normalise in training; the others by their running statistics. */
  readonly batchNorm: 'frozen' | 'shard';
  readonly numShards: number;
  readonly rowsPerShard: number;
  readonly pass: 'gradient' | 'evaluation';
  /** Whether large gradients are given as their sum over the shards, by the fixed tree; S is then a power of two. Default: no. */
  readonly sumsShards?: boolean;
  /** Of each auxiliary classifier's loss (torchvision's inception: 0.4). */
  readonly auxiliaryWeight: number;
}

/** What a training graph is fed with, beside `features` [N, F], `targets` [N, K] and `labels` [N]. */
export interface TrainingGraphInputs {
  /** Tensors of the state, under their own names. */
  readonly state: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Masks `dropout/<layer>` [N, ...shape]. */
  readonly dropout: readonly { readonly layer: string; readonly shape: Shape }[];
  /** Whether there is `row_mask` [N, 1]. */
  readonly hasRowMask: boolean;
}

/**
 * The training graph of the part of a network behind its boundaries: forward, cross-entropy, and with `pass: gradient` the gradients of
 * the trained parameters, for S shards of B rows at once. Outputs: `losses` [S], `correct` [S]; `gradient/<name>`, S * length values in some shape, of each
 * trained tensor; `batch_mean/<layer>` and `batch_var/<layer>` [S, C] of the batch norms that normalise by their microbatch.
 *
 * The loss of a shard is -sum_bk q log p + weight * the same of each auxiliary classifier (loss.ts). In an evaluation nothing is dropped, batch
 * norm has its running statistics, and auxiliary classifiers are left out. Throws FT_MODEL_IMAGE_SIZE.
 */
export function trainingGraph(options: TrainingGraphOptions): Uint8Array {
  return new TrainingGraph(options).build();
}

/** The inputs of {@link trainingGraph}. */
export function trainingGraphInputs(options: TrainingGraphOptions): TrainingGraphInputs {
  const graph = new TrainingGraph(options);
  graph.build();
  return graph.inputs;
}

class TrainingGraph {
  readonly #options: TrainingGraphOptions;
  readonly #graph: GraphBuilder;
  readonly #outputs: readonly string[];
  readonly #layers: readonly Layer[];
  readonly #shapes: ReadonlyMap<string, Shape>;
  /** By layer, or `images`: the graph's value. */
  readonly #values = new Map<string, string>();
  readonly #forwards = new Map<string, LayerForward>();
  readonly #stateInputs = new Map<string, readonly number[]>();
  readonly #dropouts = new Map<string, Shape>();
  #hasRowMask = false;

  constructor(options: TrainingGraphOptions) {
    const { network, pass, moved, boundaries, imageSize } = options;
    this.#options = options;
    this.#graph = new GraphBuilder(`network_${pass}`);
    this.#outputs = pass === 'gradient' ? lossOutputs(network, moved) : [network.output];
    this.#layers = layersBehind(network, boundaries, this.#outputs);
    // An evaluation has boundaries that nothing of it reads, where auxiliary classifiers begin.
    this.#shapes = inferShapes(network, imageSize, ...this.#outputs, ...boundaries);
  }

  get inputs(): TrainingGraphInputs {
    return {
      state: [...this.#stateInputs].map(([name, shape]) => ({ name, shape })),
      dropout: [...this.#dropouts].map(([layer, shape]) => ({ layer, shape })),
      hasRowMask: this.#hasRowMask,
    };
  }

  get #numRows(): number {
    return this.#options.numShards * this.#options.rowsPerShard;
  }

  build(): Uint8Array {
    const { network, numShards, rowsPerShard, pass, auxiliaryWeight } = this.#options;
    const graph = this.#graph;
    const classifier = classifierOf(network);
    const numClasses =
      classifier.kind === 'linear' ? classifier.outFeatures : classifier.outChannels;
    this.#splitFeatures();
    graph.input('targets', 'float', [this.#numRows, numClasses]);
    graph.input('labels', 'int32', [this.#numRows]);
    for (const layer of this.#layers) this.#forward(layer);

    const sizes = { numShards, rowsPerShard, numClasses };
    const losses = this.#outputs.map((output) => {
      const values = { logits: this.#valueOf(output), targets: 'targets' };
      const isMain = output === network.output;
      return { output, isMain, ...crossEntropy(graph, `loss/${output}`, values, sizes) };
    });
    const weight = graph.floats('auxiliary_weight', [], [auxiliaryWeight]);
    const weighted = losses.map(({ output, isMain, losses_S11 }) =>
      isMain ? losses_S11 : graph.node('Mul', `loss/${output}/weighted`, [losses_S11, weight]),
    );
    // The network's own loss first: the sum is that of PyTorch's loss1 + 0.4 * loss2.
    const total = weighted
      .toReversed()
      .reduce((sum, next, i) => graph.node('Add', `loss/sum_${i}`, [sum, next]));
    this.#output('losses', total, [numShards]);
    this.#output('correct', this.#correct(), [numShards]);
    if (pass === 'evaluation') return graph.build();

    const gradients = new GradientSums(graph);
    for (const { output, isMain, dLogits } of losses) {
      const value = dLogits();
      const own = isMain ? value : graph.node('Mul', `${value}/weighted`, [value, weight]);
      gradients.add(output, own);
    }
    this.#backward(gradients);
    return graph.build();
  }

  /** A row's features are the boundaries' outputs, flat, one after the other. */
  #splitFeatures(): void {
    const { boundaries } = this.#options;
    const graph = this.#graph;
    const lengths = boundaries.map((name) => numElements(this.#shapeOf(name)));
    const width = lengths.reduce((sum, length) => sum + length, 0);
    const features = graph.input('features', 'float', [this.#numRows, width]);
    let end = 0;
    for (const [i, name] of boundaries.entries()) {
      const start = end;
      end += lengths[i]!;
      const operands = { starts: [start], ends: [end], axes: [1] };
      const flat =
        lengths[i] === width
          ? features
          : graph.node('Slice', `boundary/${name}/flat`, [
              features,
              ...Object.entries(operands).map(([key, values]) =>
                graph.integers(`boundary/${name}/${key}`, values),
              ),
            ]);
      const shape = [this.#numRows, ...this.#shapeOf(name)];
      this.#values.set(name, this.#reshape(`boundary/${name}`, flat, shape));
    }
  }

  #forward(layer: Layer): void {
    const inputs = layer.inputs.map((name) => this.#valueOf(name));
    const forward = ruleOf(layer)(this.#contextOf(layer), inputs);
    this.#values.set(layer.name, forward.output);
    this.#forwards.set(layer.name, forward);
    if (forward.statistics === undefined || this.#options.pass === 'evaluation') return;
    const { numShards } = this.#options;
    const shape = [numShards, this.#shapeOf(layer.name)[0]!];
    this.#output(`batch_mean/${layer.name}`, forward.statistics.mean, shape);
    this.#output(`batch_var/${layer.name}`, forward.statistics.variance, shape);
  }

  /** Layer by layer, last first; only what a trained parameter depends on. */
  #backward(gradients: GradientSums): void {
    const { trained } = this.#options;
    const differentiated = new Set<string>();
    for (const layer of this.#layers) {
      const isTrained = layerTensors(layer).some(({ name }) => trained.has(name));
      if (isTrained || layer.inputs.some((input) => differentiated.has(input))) {
        differentiated.add(layer.name);
      }
    }
    for (const layer of this.#layers.toReversed()) {
      if (!differentiated.has(layer.name)) continue;
      const dOutput = gradients.of(layer.name);
      const wanted = layer.inputs.map((input) => differentiated.has(input));
      const { inputs, tensors } = this.#forwards.get(layer.name)!.backward(dOutput, wanted);
      for (const [i, gradient] of inputs.entries()) {
        if (gradient !== undefined && wanted[i] === true) gradients.add(layer.inputs[i]!, gradient);
      }
      for (const { name } of layerTensors(layer)) {
        if (!trained.has(name)) continue;
        const gradient = tensors.get(name.slice(layer.name.length + 1));
        if (gradient === undefined) throw new Error(`no gradient of ${name}`);
        this.#graph.outputAs(`gradient/${name}`, gradient);
      }
    }
  }

  /** Rows whose first largest logit is the label's; counts are exact in float32, in any order. [S, 1] */
  #correct(): string {
    const { network, numShards, rowsPerShard } = this.#options;
    const graph = this.#graph;
    const predicted = graph.node('ArgMax', 'predicted', [this.#valueOf(network.output)], {
      axis: 1,
      keepdims: 0,
      select_last_index: 0,
    });
    const labels64 = graph.node('Cast', 'labels64', ['labels'], { to: 7 });
    const hit = graph.node('Equal', 'hit', [predicted, labels64]);
    const hits = graph.node('Cast', 'hits', [hit], { to: 1 });
    const ofShards = this.#reshape('hits_SB', hits, [numShards, rowsPerShard]);
    return graph.node('ReduceSum', 'correct_S1', [ofShards, graph.integers('row_axis', [1])]);
  }

  #contextOf(layer: Layer): RuleContext {
    const { batchNorm, trained, numShards, rowsPerShard, pass, state, tensors } = this.#options;
    const { sumsShards = false } = this.#options;
    const graph = this.#graph;
    const isTraining = pass === 'gradient';
    const specs = layerTensors(layer);
    const full = (suffix: string): string => `${layer.name}.${suffix}`;
    const movesStatistics = specs.some(({ name }) => trained.has(name));
    return {
      ...{ graph, layer, numShards, rowsPerShard, isTraining, sumsShards },
      inputShapes: layer.inputs.map((name) => this.#shapeOf(name)),
      outputShape: this.#shapeOf(layer.name),
      batchNorm: isTraining && movesStatistics ? batchNorm : 'frozen',
      rowMask: () => {
        if (!this.#hasRowMask) graph.input('row_mask', 'float', [this.#numRows, 1]);
        this.#hasRowMask = true;
        return 'row_mask';
      },
      dropoutMask: () => {
        const name = `dropout/${layer.name}`;
        const shape = this.#shapeOf(layer.name);
        if (!this.#dropouts.has(layer.name)) graph.input(name, 'float', [this.#numRows, ...shape]);
        this.#dropouts.set(layer.name, shape);
        return name;
      },
      tensor: (suffix) => {
        const name = full(suffix);
        const { shape } = specs.find((spec) => spec.name === name)!;
        if (!state.has(name)) return graph.constant(name, shape, floatsOf(tensors, name));
        if (!this.#stateInputs.has(name)) graph.input(name, 'float', shape);
        this.#stateInputs.set(name, shape);
        return name;
      },
      constant: (suffix) => (state.has(full(suffix)) ? undefined : floatsOf(tensors, full(suffix))),
      isTrained: (suffix) => isTraining && trained.has(full(suffix)),
      name: (suffix) => `${layer.name}/${suffix}`,
    };
  }

  #shapeOf(name: string): Shape {
    const shape = this.#shapes.get(name);
    if (shape === undefined) throw new Error(`no shape of ${name}`);
    return shape;
  }

  #valueOf(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw new Error(`${name} is not behind the boundaries`);
    return value;
  }

  #reshape(output: string, value: string, shape: readonly number[]): string {
    return this.#graph.node('Reshape', output, [
      value,
      this.#graph.integers(`${output}.shape`, shape),
    ]);
  }

  #output(name: string, value: string, shape: readonly number[]): void {
    this.#reshape(name, value, shape);
    this.#graph.output(name, 'float', shape);
  }
}

/** The gradients of layers' outputs: what their readers give, added up in the order in which it comes. */
class GradientSums {
  readonly #graph: GraphBuilder;
  readonly #sums = new Map<string, { value: string; readonly numAdded: number }>();

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  add(layer: string, gradient: string): void {
    const before = this.#sums.get(layer);
    const numAdded = (before?.numAdded ?? 0) + 1;
    const value =
      before === undefined
        ? gradient
        : this.#graph.node('Add', `${layer}/d_output_${numAdded}`, [before.value, gradient]);
    this.#sums.set(layer, { value, numAdded });
  }

  of(layer: string): string {
    const sum = this.#sums.get(layer);
    if (sum === undefined) throw new Error(`no gradient reaches ${layer}`);
    return sum.value;
  }
}
