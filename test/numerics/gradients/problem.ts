import { containerPaths, isWithin } from '../../../src/models/layer-names.js';
import { imagesName, type Layer, type Network } from '../../../src/models/network.js';
import { inferShapes, type Shape } from '../../../src/models/shapes.js';
import {
  boundariesOf,
  phaseSuffix,
  resolveTrained,
  trainedBatchNorms,
  type SplitPoint,
} from '../../../src/models/split-point.js';
import { numElements } from '../../../src/models/tensor-specs.js';
import { uniform, values } from '../models/formula.js';

/** What is trained of which network, on how many rows. */
export interface Problem {
  readonly network: Network;
  /** torchvision's name; null: the judge builds it from its description, whose names are without dots. */
  readonly architecture: string | null;
  readonly imageSize: number;
  readonly split: SplitPoint;
  readonly batchNorm: 'frozen' | 'shard';
  readonly rowsPerShard: number;
  /** Of each shard, how many rows there are; the others are padding. */
  readonly counts: readonly number[];
  readonly seed: number;
}

export const numClasses = 10;
export const auxiliaryWeight = 0.4;

/** A module of the judge's (or the images) whose output it is given, with the layer that has the same output. */
interface Given {
  readonly layer: string;
  readonly module: string;
  readonly shape: Shape;
}

/** What a test of it is called. */
export function titleOf({ architecture, split, batchNorm, counts }: Problem): string {
  const except = split.except.length === 0 ? '' : ` except ${split.except.join(', ')}`;
  const name = architecture ?? 'a network of odd strides, dilations and groups';
  return `${name}: ${split.train.join(', ')}${except}, batch norm ${batchNorm}, shards of ${counts.join(', ')} rows`;
}

/** What follows from a problem. */
export interface Resolved {
  readonly trained: readonly string[];
  /** Batch norms that normalise by the microbatch. */
  readonly statistics: readonly string[];
  readonly boundaries: readonly string[];
  /** What the judge takes instead of the boundaries: outputs that its modules have. */
  readonly given: readonly Given[];
  readonly numFeatures: number;
  /** The suffix' dropout layers, with the shape of their outputs. */
  readonly dropout: readonly {
    readonly layer: string;
    readonly shape: Shape;
    readonly keep: number;
  }[];
  /** Modules of torchvision's that compute nothing that is needed. */
  readonly frozenModules: readonly string[];
  readonly numAuxiliary: number;
}

/** The shapes of all layers, those of auxiliary classifiers too where the images are large enough for them. */
function allShapes({ network, imageSize }: Problem, suffix: ReadonlySet<string>) {
  const auxiliary = network.auxiliaryClassifiers.filter((name) => suffix.has(name));
  return new Map(
    [network.output, ...auxiliary].flatMap((output) => [
      ...inferShapes(network, imageSize, output),
    ]),
  );
}

/** Layers that only copy: the judge has no modules for them, or after them. */
const copies: readonly Layer['kind'][] = ['flatten', 'dropout'];

/** The modules that give a boundary's output, or of whose outputs it is computed. */
function givenFor(
  problem: Problem,
  layer: string,
  suffix: ReadonlySet<string>,
  shapes: ReadonlyMap<string, Shape>,
): Given[] {
  const { network, architecture } = problem;
  const shape = shapes.get(layer)!;
  const found = network.layers.find(({ name }) => name === layer);
  if (found === undefined || architecture === null) return [{ layer, module: layer, shape }];
  const container = containerPaths(network).find((path) => {
    const inside = network.layers.filter(({ name }) => isWithin(name, path));
    return inside.at(-1)!.name === layer && inside.every(({ name }) => !suffix.has(name));
  });
  if (container !== undefined) return [{ layer, module: container, shape }];
  if (found.functional !== true && !copies.includes(found.kind)) {
    return [{ layer, module: layer, shape }];
  }
  return found.inputs.flatMap((input) => givenFor(problem, input, suffix, shapes));
}

/** The outermost modules that lie wholly in the prefix and hold nothing that is needed. */
function frozenModules(
  network: Network,
  suffix: ReadonlySet<string>,
  given: readonly Given[],
): string[] {
  // A rectifier may be one module for several layers; the others are functions.
  const noModules = ['relu', 'add', 'concat', 'flatten', 'affine'];
  const isModule = (layer: Layer) => layer.functional !== true && !noModules.includes(layer.kind);
  const paths = [
    ...containerPaths(network),
    ...network.layers.filter(isModule).map(({ name }) => name),
  ];
  const frozen = paths.filter(
    (path) =>
      network.layers.every(({ name }) => !isWithin(name, path) || !suffix.has(name)) &&
      given.every(({ module }) => !isWithin(module, path) && !isWithin(path, module)),
  );
  return frozen.filter((path) => !frozen.some((other) => other !== path && isWithin(path, other)));
}

export function resolve(problem: Problem): Resolved {
  const { network, batchNorm } = problem;
  const trained = resolveTrained(network, problem.split);
  const suffix = phaseSuffix(network, trained);
  const names = new Set(suffix.map(({ name }) => name));
  const shapes = allShapes(problem, names);
  const boundaries = boundariesOf(network, suffix);
  const given = boundaries.flatMap((layer) => givenFor(problem, layer, names, shapes));
  const norms = batchNorm === 'shard' ? trainedBatchNorms(network, trained) : [];
  return {
    trained,
    statistics: norms.map(({ name }) => name),
    boundaries,
    given: given.filter(({ module }, i) => given.findIndex((g) => g.module === module) === i),
    numFeatures: boundaries.reduce((sum, name) => sum + numElements(shapes.get(name)!), 0),
    dropout: suffix.flatMap((layer) =>
      layer.kind === 'dropout'
        ? { layer: layer.name, shape: shapes.get(layer.name)!, keep: 1 - layer.probability }
        : [],
    ),
    frozenModules: problem.architecture === null ? [] : frozenModules(network, names, given),
    numAuxiliary: network.auxiliaryClassifiers.filter((name) => names.has(name)).length,
  };
}

/** Rows of some steps, [steps, S, B, ...]. Padding is zeros, its label -1. */
export interface Rows {
  readonly images: Float32Array;
  readonly targets: Float32Array;
  readonly labels: Int32Array;
  /** By dropout layer. */
  readonly masks: ReadonlyMap<string, Float32Array>;
}

/** Sets the padding's values of [steps, S, B, length] to zero. */
export function clearPadding(
  { counts, rowsPerShard }: Problem,
  rows: Float32Array,
  length: number,
) {
  const numRows = rows.length / length;
  for (let row = 0; row < numRows; row++) {
    const shard = Math.floor(row / rowsPerShard) % counts.length;
    if (row % rowsPerShard >= counts[shard]!) rows.fill(0, row * length, (row + 1) * length);
  }
  return rows;
}

/** Noise of its own contrast and brightness in each image: else all images would look the same to deep layers. */
function makeImages(numRows: number, length: number, salt: number): Float32Array {
  return values(numRows * length, salt, -1, 1).map((noise, i) => {
    const row = Math.floor(i / length);
    return (0.4 + 2 * uniform(row, salt + 10)) * noise + 2 * uniform(row, salt + 11) - 1;
  });
}

/** Seeded images, labels, targets that are no probabilities, and masks. */
export function makeRows(problem: Problem, { dropout }: Resolved, numSteps = 1): Rows {
  const { counts, rowsPerShard, imageSize, network, seed } = problem;
  const numRows = numSteps * counts.length * rowsPerShard;
  const salt = 1000 * (seed + 1);
  const padded = (length: number, data: Float32Array) => clearPadding(problem, data, length);
  const valid = padded(1, new Float32Array(numRows).fill(1));
  const labels = Int32Array.from(valid, (isThere, row) =>
    isThere === 1 ? Math.floor(uniform(row, salt) * numClasses) : -1,
  );
  const targets = values(numRows * numClasses, salt + 1, 0, 0.1);
  for (const [row, label] of labels.entries()) {
    if (label >= 0) targets[row * numClasses + label]! += 0.5 + uniform(row, salt + 2);
  }
  const imageLength = network.inputChannels * imageSize ** 2;
  return {
    images: padded(imageLength, makeImages(numRows, imageLength, salt + 3)),
    targets: padded(numClasses, targets),
    labels,
    masks: new Map(
      dropout.map(({ layer, shape, keep }, i) => [
        layer,
        values(numRows * numElements(shape), salt + 4 + i, 0, 1).map((u) =>
          u < keep ? 1 / keep : 0,
        ),
      ]),
    ),
  };
}

/** Whether the features are the images themselves. */
export function readsImages({ boundaries }: Resolved): boolean {
  return boundaries.join() === imagesName;
}
