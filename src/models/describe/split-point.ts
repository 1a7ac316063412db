import { dependentsOf, layersNamed } from '../layer-names.js';
import type { Network } from '../network.js';

/**
 * The layers that are trained at a split point: `head`, the classifier alone; `all`; or a layer or module, with what follows it, which
 * is every layer that depends on it. The rest is frozen, its batch norms in evaluation mode. Throws FT_MODEL_LAYER.
 */
export function trainedLayers(network: Network, split: string): ReadonlySet<string> {
  if (split === 'head') return new Set([network.classifier]);
  if (split === 'all') return new Set(network.layers.map(({ name }) => name));
  const first = layersNamed(network, split).map(({ name }) => name);
  // The new classifier is trained whatever the split point, be it beside the network's output (an auxiliary classifier).
  return dependentsOf(network, [...first, network.classifier]);
}
