import { resolveArchitecture } from '../../config/architecture-aliases.js';
import { headOf } from '../head.js';
import { isWithin } from '../layer-names.js';
import { replacedLayers, type Network } from '../network.js';
import { defaultImageSize, describeNetwork, torchvisionSpec } from '../registry.js';
import { inferShapes, type Shape } from '../shapes.js';
import type { SplitPoint } from '../split-point.js';
import { layerTensors, numElements } from '../tensor-specs.js';
import { numParameters, publishedClasses, totalMultiplyAdds } from './architecture-list.js';
import { moduleText } from './module-text.js';
import { moduleLines, moduleTree, type ModuleLine, type ModuleNode } from './module-tree.js';
import { multiplyAdds } from './multiply-adds.js';
import { reportSplit, type SplitReport } from './split-report.js';

export interface ReportOptions {
  /** An architecture or a family's name. */
  readonly architecture: string;
  readonly width: number;
  /** Default: that of the published weights. */
  readonly imageSize?: number | undefined;
  readonly split: SplitPoint;
  /** Of the new classifier; without it the network is shown as it is published. */
  readonly numClasses?: number | undefined;
}

export interface ParameterCounts {
  readonly numClasses: number;
  readonly total: number;
  readonly trained: number;
  readonly frozen: number;
  readonly multiplyAdds: number;
}

export interface ModuleReport {
  readonly path: string;
  readonly text: string;
  /** Without the batch; null for what is not computed at this image size or outside of training. */
  readonly outputShape: Shape | null;
  /** Of the module and all in it. */
  readonly numParameters: number;
  readonly multiplyAdds: number;
  /** Null for a module without parameters. */
  readonly trained: 'frozen' | 'trained' | 'partly' | null;
}

export interface ArchitectureReport {
  readonly architecture: string;
  readonly width: number;
  readonly imageSize: number;
  /** Of the classes that are asked for, else the published ones. */
  readonly split: SplitReport;
  /** What the classifier takes of an image. */
  readonly numFeatures: number;
  readonly published: ParameterCounts;
  /** With the new classifier. */
  readonly replaced: ParameterCounts | null;
  /** The layers that are replaced, before and after; the same text twice where there is no new classifier. */
  readonly classifiers: readonly { path: string; before: string; after: string }[];
  /** `print(network)` in PyTorch. */
  readonly tree: string;
  readonly modules: readonly ModuleReport[];
}

/** One line of the tree with what is known of its module. */
export interface ReportLine {
  readonly text: string;
  readonly module: ModuleReport | undefined;
}

/** All shapes that can be inferred: also of auxiliary classifiers, where the image is large enough for them. */
function allShapes(network: Network, imageSize: number): Map<string, Shape> {
  const shapes = inferShapes(network, imageSize);
  for (const name of network.auxiliaryClassifiers) {
    try {
      for (const [layer, shape] of inferShapes(network, imageSize, name)) shapes.set(layer, shape);
    } catch {
      // Too small for this one, which nothing but training needs.
    }
  }
  return shapes;
}

/** What is counted of one layer. */
interface LayerCounts {
  readonly name: string;
  readonly numParameters: number;
  readonly numTrained: number;
  readonly multiplyAdds: number;
}

function layerCounts(
  network: Network,
  trained: ReadonlySet<string>,
  shapes: ReadonlyMap<string, Shape>,
): LayerCounts[] {
  return network.layers.map((layer) => {
    const shape = shapes.get(layer.name);
    return {
      name: layer.name,
      numParameters: numParameters([layer]),
      numTrained: layerTensors(layer)
        .filter(({ name }) => trained.has(name))
        .reduce((sum, tensor) => sum + numElements(tensor.shape), 0),
      multiplyAdds: shape === undefined ? 0 : multiplyAdds(layer, shape),
    };
  });
}

const parametersOf = (counts: readonly LayerCounts[]): number =>
  counts.reduce((sum, layer) => sum + layer.numParameters, 0);

const trainedOf = (counts: readonly LayerCounts[]): number =>
  counts.reduce((sum, layer) => sum + layer.numTrained, 0);

function totals(
  network: Network,
  trained: ReadonlySet<string>,
  shapes: ReadonlyMap<string, Shape>,
  numClasses: number,
): ParameterCounts {
  const counts = layerCounts(network, trained, shapes);
  const total = parametersOf(counts);
  const numTrained = trainedOf(counts);
  return {
    numClasses,
    total,
    trained: numTrained,
    frozen: total - numTrained,
    multiplyAdds: totalMultiplyAdds(network, shapes),
  };
}

function status(counts: readonly LayerCounts[]): ModuleReport['trained'] {
  const total = parametersOf(counts);
  if (total === 0) return null;
  const numTrained = trainedOf(counts);
  if (numTrained === 0) return 'frozen';
  return numTrained === total ? 'trained' : 'partly';
}

function moduleReport(
  network: Network,
  { path, text }: ModuleNode,
  counts: readonly LayerCounts[],
  shapes: ReadonlyMap<string, Shape>,
): ModuleReport {
  const isNetwork = path === '';
  const within = counts.filter(({ name }) => isWithin(name, path));
  return {
    path,
    text,
    outputShape: shapes.get(isNetwork ? network.output : within.at(-1)!.name) ?? null,
    numParameters: parametersOf(within),
    multiplyAdds: isNetwork
      ? totalMultiplyAdds(network, shapes)
      : within.reduce((sum, layer) => sum + layer.multiplyAdds, 0),
    trained: status(within),
  };
}

/**
 * What `ftctl models show` tells of an architecture, and the tree's lines. Throws FT_MODEL_UNKNOWN, FT_MODEL_WIDTH,
 * FT_MODEL_IMAGE_SIZE or FT_MODEL_LAYER.
 */
export function reportArchitecture(options: ReportOptions): {
  report: ArchitectureReport;
  lines: ReportLine[];
} {
  const { width, numClasses } = options;
  const architecture = resolveArchitecture(options.architecture);
  const describe = (classes: number): Network =>
    describeNetwork(torchvisionSpec(architecture, width, classes));
  const published = describe(publishedClasses);
  const imageSize = options.imageSize ?? defaultImageSize(architecture);
  const shown = numClasses === undefined ? published : describe(numClasses);
  const shapes = allShapes(shown, imageSize);
  const split = reportSplit(shown, imageSize, options.split);
  const trained = new Set(split.parameters);
  const layers = layerCounts(shown, trained, shapes);
  const tree = moduleLines(moduleTree(shown));
  const lines = tree.map(({ text, node }: ModuleLine): ReportLine => {
    const module = node === undefined ? undefined : moduleReport(shown, node, layers, shapes);
    return { text, module };
  });
  const after = replacedLayers(shown);
  const report: ArchitectureReport = {
    architecture,
    width,
    imageSize,
    split,
    numFeatures: headOf(shown, imageSize).numFeatures,
    published: totals(published, trained, allShapes(published, imageSize), publishedClasses),
    replaced: numClasses === undefined ? null : totals(shown, trained, shapes, numClasses),
    classifiers: replacedLayers(published).map((layer, i) => ({
      path: layer.name,
      before: moduleText(layer),
      after: moduleText(after[i]!),
    })),
    tree: tree.map(({ text }) => text).join('\n'),
    modules: lines.flatMap(({ module }) => module ?? []),
  };
  return { report, lines };
}
