import { nearest } from '../config/suggest.js';
import { FtctlError } from '../errors/index.js';
import { nearestNames } from './nearest-names.js';
import { imagesName, type Layer, type Network } from './network.js';

/**
 * What a user calls a part of a network: a layer (`layer4.1.conv2`), or a module and all in it (`layer4`), as torchvision's
 * `named_modules` has them.
 */

/** Whether the layer or module `name` is the module `path` or lies in it. Everything lies in ''. */
export function isWithin(name: string, path: string): boolean {
  return path === '' || name === path || name.startsWith(`${path}.`);
}

/** The paths of all modules that have modules, outermost first. */
export function containerPaths(network: Network): string[] {
  const paths = new Set<string>();
  for (const { name } of network.layers) {
    const parts = name.split('.');
    for (let length = 1; length < parts.length; length++) {
      paths.add(parts.slice(0, length).join('.'));
    }
  }
  return [...paths];
}

/** The layers that `name` means. Throws FT_MODEL_LAYER with the nearest names where there are none. */
export function layersNamed(network: Network, name: string): Layer[] {
  const found = name === '' ? [] : network.layers.filter((layer) => isWithin(layer.name, name));
  if (found.length > 0) return found;
  const known = [...containerPaths(network), ...network.layers.map((layer) => layer.name)];
  const names = nearestNames(name, known, 3);
  throw new FtctlError('FT_MODEL_LAYER', {
    what: `There is no layer ${JSON.stringify(name)} in this network.`,
    why: `The nearest names are ${names.join(', ')}.`,
    ...remedyOf(name, known),
    details: { layer: name, nearest: names },
  });
}

/** The name that was probably meant, if one is near enough; else the catalogue's remedy. */
export function remedyOf(name: string, known: readonly string[]): { readonly remedy?: string } {
  const meant = nearest(name, known);
  return meant === undefined
    ? {}
    : { remedy: `Did you mean ${meant}? \`ftctl models show NAME\` prints all names.` };
}

/** The layer whose output is that of the layer or module `name`: its last. Throws FT_MODEL_LAYER. */
export function outputLayer(network: Network, name: string): string {
  return layersNamed(network, name).at(-1)!.name;
}

/** The layers that depend on one of `layers`, themselves included. */
export function dependentsOf(network: Network, layers: Iterable<string>): Set<string> {
  const dependents = new Set(layers);
  for (const { name, inputs } of network.layers) {
    if (inputs.some((input) => input !== imagesName && dependents.has(input))) dependents.add(name);
  }
  return dependents;
}
