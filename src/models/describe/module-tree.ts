import type { Layer, Network } from '../network.js';
import { moduleText } from './module-text.js';

/** A module of torchvision's network. */
export interface ModuleNode {
  /** Its own name, the last part of its path; both are '' for the network. */
  readonly name: string;
  readonly path: string;
  /** What PyTorch prints for it; of a module that has modules, its class. */
  readonly text: string;
  readonly layer: Layer | undefined;
  readonly children: readonly ModuleNode[];
}

interface Draft {
  readonly name: string;
  readonly path: string;
  layer?: Layer;
  readonly children: Map<string, Draft>;
}

function finish(network: Network, draft: Draft): ModuleNode {
  const { name, path, layer } = draft;
  const { className = 'Sequential', order } = network.containers.get(path) ?? {};
  let children = [...draft.children.values()];
  if (order !== undefined) {
    children = children.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  }
  const text = layer === undefined ? className : moduleText(layer);
  return { name, path, text, layer, children: children.map((child) => finish(network, child)) };
}

/** The modules of a network in the order in which torchvision registers them. */
export function moduleTree(network: Network): ModuleNode {
  const root: Draft = { name: '', path: '', children: new Map() };
  for (const layer of network.layers) {
    if (layer.functional === true || moduleText(layer) === '') continue;
    let node = root;
    for (const name of layer.name.split('.')) {
      let child = node.children.get(name);
      if (child === undefined) {
        const path = node.path === '' ? name : `${node.path}.${name}`;
        child = { name, path, children: new Map() };
        node.children.set(name, child);
      }
      node = child;
    }
    node.layer = layer;
  }
  return finish(network, root);
}

/** One line of PyTorch's text of a network; `node` is undefined where a line only closes a parenthesis. */
export interface ModuleLine {
  readonly text: string;
  readonly node: ModuleNode | undefined;
}

/** The lines of `print(network)` in PyTorch. */
export function moduleLines(node: ModuleNode, indent = ''): ModuleLine[] {
  const label = node.name === '' ? '' : `(${node.name}): `;
  if (node.layer !== undefined) return [{ text: `${indent}${label}${node.text}`, node }];
  return [
    { text: `${indent}${label}${node.text}(`, node },
    ...node.children.flatMap((child) => moduleLines(child, `${indent}  `)),
    { text: `${indent})`, node: undefined },
  ];
}
