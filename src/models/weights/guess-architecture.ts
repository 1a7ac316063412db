import { replacedLayers, type Network } from '../network.js';
import { architectureNames, describeNetwork, torchvisionSpec } from '../registry.js';
import { layerTensors, stateDictSpecs } from '../tensor-specs.js';
import type { TensorSet } from './tensor-set.js';

/** Width multipliers that pretrained mobilenet_v2 are published with, and some more. */
const widths = [1, 0.1, 0.25, 0.35, 0.5, 0.75, 1.3, 1.4, 2] as const;
/** How many architectures are named where none fits. */
export const numNearest = 3;

export interface ArchitectureGuess {
  readonly architecture: string;
  readonly width: number;
  /** Tensors of the network, counters and the classifier aside, that are there in the right shape. */
  readonly matching: number;
  readonly needed: number;
  /** Tensors that the network does not have. */
  readonly unexpected: number;
}

/** What of a network must be in a file: not its counters, and not what is replaced for new classes. */
function neededTensors(network: Network): { name: string; shape: readonly number[] }[] {
  const replaced = new Set(
    replacedLayers(network)
      .flatMap(layerTensors)
      .map(({ name }) => name),
  );
  return stateDictSpecs(network).filter(
    ({ name, role }) => role !== 'counter' && !replaced.has(name),
  );
}

function guess(tensors: TensorSet, architecture: string, width: number): ArchitectureGuess {
  const network = describeNetwork(torchvisionSpec(architecture, width, 1));
  const needed = neededTensors(network);
  const known = new Set(stateDictSpecs(network).map(({ name }) => name));
  return {
    ...{ architecture, width },
    matching: needed.filter(({ name, shape }) => tensors.get(name)?.shape.join() === shape.join())
      .length,
    needed: needed.length,
    unexpected: [...tensors.keys()].filter((name) => !known.has(name)).length,
  };
}

export function isFit({ matching, needed, unexpected }: ArchitectureGuess): boolean {
  return matching === needed && unexpected === 0;
}

/** Whether tensors are the weights of a torchvision network, whatever its classifier's number of classes. */
export function fitsArchitecture(tensors: TensorSet, architecture: string, width: number): boolean {
  return isFit(guess(tensors, architecture, width));
}

/** For sorting: the nearest first. */
export function byNearness(a: ArchitectureGuess, b: ArchitectureGuess): number {
  return (
    b.matching / b.needed - a.matching / a.needed ||
    a.unexpected - b.unexpected ||
    b.needed - a.needed
  );
}

/** The architectures that tensors may be the weights of, best first: the one that fits, or the nearest ones. */
export function guessArchitectures(tensors: TensorSet): ArchitectureGuess[] {
  const guesses = architectureNames
    .flatMap((name) =>
      (name === 'mobilenet_v2' ? widths : [1]).map((width) => guess(tensors, name, width)),
    )
    .filter(({ matching }) => matching > 0)
    .sort(byNearness);
  const fitting = guesses.filter(isFit);
  return fitting.length > 0 ? fitting.slice(0, 1) : guesses.slice(0, numNearest);
}
