import type { PhaseSpec } from '../config/phase-spec.js';
import { FtctlError } from '../errors/index.js';
import { dependentsOf, isWithin, layersNamed, remedyOf } from './layer-names.js';
import { nearestNames } from './nearest-names.js';
import {
  imagesName,
  layersUpTo,
  type BatchNormLayer,
  type Layer,
  type Network,
} from './network.js';
import { layerTensors } from './tensor-specs.js';

/**
 * Which parameters a phase trains, and where that divides the network: the layers that depend on none that has moved are its frozen
 * prefix, the others its suffix, and what the suffix reads of the prefix are the boundaries, whose outputs are the features.
 */

/** What of a phase says which parameters it trains. */
export type SplitPoint = Pick<PhaseSpec, 'train' | 'except'>;

/** Whether a pattern means just the parameters of its name or glob: `*` is any text, `?` any one character, dots included. */
export function isParameterPattern(pattern: string): boolean {
  return /[*?]|\.(weight|bias)$/.test(pattern);
}

/** Whether the parameter `name` is meant by a layer's or module's name, a parameter's or a glob. Of the names alone: no network. */
export function matchesParameter(name: string, pattern: string): boolean {
  if (!isParameterPattern(pattern)) return pattern !== '' && isWithin(name, pattern);
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  const expression = escaped.replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${expression}$`).test(name);
}

/** A layer's trainable tensors, in state-dict order. */
function parametersOf(layer: Layer): string[] {
  return layerTensors(layer).flatMap(({ name, role }) => (role === 'parameter' ? name : []));
}

/** All trainable tensors of a network, in state-dict order. */
function allParameters(network: Network): string[] {
  return network.layers.flatMap(parametersOf);
}

/** Of the classifier of the run's classes. It is new, so each phase trains it. */
function classifierParameters(network: Network): string[] {
  return network.layers.filter(({ name }) => name === network.classifier).flatMap(parametersOf);
}

/** The parameters that a pattern means. Throws FT_MODEL_LAYER, with the nearest names, where there are none. */
export function parametersNamed(network: Network, pattern: string): string[] {
  const all = allParameters(network);
  const found = all.filter((name) => matchesParameter(name, pattern));
  if (found.length > 0) return found;
  if (!isParameterPattern(pattern)) {
    layersNamed(network, pattern); // Refuses a name of nothing.
    throw new FtctlError('FT_MODEL_LAYER', {
      what: `${pattern} has no parameters.`,
      why: 'It computes without weights.',
      remedy: 'Name a layer or module with parameters: `ftctl models show NAME` prints them.',
      details: { layer: pattern },
    });
  }
  const nearest = nearestNames(pattern, all, 3);
  throw new FtctlError('FT_MODEL_LAYER', {
    what: `There is no parameter ${JSON.stringify(pattern)} in this network.`,
    why: `The nearest names are ${nearest.join(', ')}.`,
    ...remedyOf(pattern, all),
    details: { layer: pattern, nearest },
  });
}

/** What one entry of `train` means, beside the classifier. A layer or module brings what depends on it. */
function trainedBy(network: Network, entry: string): string[] {
  if (entry === 'head') return [];
  if (entry === 'all') return allParameters(network);
  if (isParameterPattern(entry)) return parametersNamed(network, entry);
  const first = layersNamed(network, entry).map(({ name }) => name);
  const layers = dependentsOf(network, first);
  return network.layers.filter(({ name }) => layers.has(name)).flatMap(parametersOf);
}

/**
 * The names of the parameters that are trained at a split point, sorted: what `train` means, without what `except` means, and always
 * the classifier. Throws FT_MODEL_LAYER for a name of nothing, and for an exception that is the classifier.
 */
export function resolveTrained(network: Network, { train, except }: SplitPoint): string[] {
  const trained = new Set(train.flatMap((entry) => trainedBy(network, entry)));
  const classifier = classifierParameters(network);
  for (const entry of except) {
    const names = parametersNamed(network, entry);
    if (names.every((name) => classifier.includes(name))) {
      throw new FtctlError('FT_MODEL_LAYER', {
        what: `${entry} is the classifier, which cannot be left out of the training.`,
        why: 'It is a new one, of the classes of the run.',
        remedy: 'Take it out of `except`.',
        details: { layer: entry },
      });
    }
    for (const name of names) trained.delete(name);
  }
  return [...new Set([...trained, ...classifier])].sort();
}

/** The parameters that have moved when phase `index` begins: what the phases before it train. */
export function movedBefore(
  phases: readonly { readonly trained: readonly string[] }[],
  index: number,
): Set<string> {
  return new Set(phases.slice(0, index).flatMap(({ trained }) => trained));
}

/** The batch norms with a trained parameter, sorted by name: whose statistics move where phases say `batchNorm: shard`. */
export function trainedBatchNorms(network: Network, trained: Iterable<string>): BatchNormLayer[] {
  const names = new Set(trained);
  return network.layers
    .flatMap((layer) => (layer.kind === 'batchNorm' ? layer : []))
    .filter((layer) => parametersOf(layer).some((name) => names.has(name)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The outputs that the loss is taken of: the network's, and those of the auxiliary classifiers that train layers. One of which
 * nothing has moved, with the layers of its own before it, is as new as it was drawn: its loss would only mislead.
 */
export function lossOutputs(network: Network, moved: ReadonlySet<string>): string[] {
  const main = new Set(layersUpTo(network, network.output));
  const auxiliary = network.auxiliaryClassifiers.filter((classifier) =>
    layersUpTo(network, classifier).some(
      (layer) => !main.has(layer) && parametersOf(layer).some((name) => moved.has(name)),
    ),
  );
  return [...auxiliary, network.output];
}

/** The layers with one of the parameters `moved`, and those that depend on them, as far as the loss needs them, in order. */
export function phaseSuffix(network: Network, moved: Iterable<string>): Layer[] {
  const names = new Set(moved);
  const first = network.layers.filter((layer) =>
    parametersOf(layer).some((name) => names.has(name)),
  );
  const suffix = dependentsOf(
    network,
    first.map(({ name }) => name),
  );
  return layersUpTo(network, ...lossOutputs(network, names)).filter(({ name }) => suffix.has(name));
}

/** What computes without weights and draws nothing, and so costs next to nothing. */
const cheapKinds: ReadonlySet<Layer['kind']> = new Set([
  ...(['relu', 'relu6', 'add', 'concat', 'flatten', 'affine'] as const),
  ...(['maxPool', 'avgPool', 'adaptiveAvgPool'] as const),
]);

/**
 * The layers outside of a suffix, or `images`, of whose outputs it can be computed, in the network's order, the images first. Of a
 * cheap layer (a pool, say) whose inputs are boundaries too, the output is none: it is computed again instead of being stored. Before a
 * suffix with nothing but cheap layers in front of it (inception's input transform) the images are all there is to store.
 */
export function boundariesOf(network: Network, suffix: readonly Layer[]): string[] {
  const own = new Set(suffix.map(({ name }) => name));
  const read = new Set(suffix.flatMap(({ inputs }) => inputs).filter((name) => !own.has(name)));
  for (const { kind, name, inputs } of network.layers.toReversed()) {
    if (cheapKinds.has(kind) && inputs.every((input) => read.has(input))) read.delete(name);
  }
  const boundaries = [imagesName, ...network.layers.map(({ name }) => name)].filter((name) =>
    read.has(name),
  );
  const isCheap = layersUpTo(network, ...boundaries).every(({ kind }) => cheapKinds.has(kind));
  return isCheap ? [imagesName] : boundaries;
}

/** The layers that must be computed of the boundaries for the outputs, in order: the suffix, and cheap layers before it. */
export function layersBehind(
  network: Network,
  boundaries: readonly string[],
  outputs: readonly string[],
): Layer[] {
  const known = new Set(boundaries);
  const needed = new Set(outputs);
  for (const { name, inputs } of network.layers.toReversed()) {
    if (needed.has(name) && !known.has(name)) for (const input of inputs) needed.add(input);
  }
  return network.layers.filter(({ name }) => needed.has(name) && !known.has(name));
}
