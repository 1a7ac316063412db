import type { Pair } from '../network.js';
import type { LayerNodes } from './layer-nodes.js';

/**
 * The gradient of averages over windows that divide an image without gaps or overlap: each pixel gets its window's error over the
 * number of pixels. `numImages` (rows times channels) of `outputSize` windows of `window` pixels: [numImages, H, W], of any shape before.
 */
export function spreadEvenly(
  nodes: LayerNodes,
  dOutput: string,
  sizes: { readonly numImages: number; readonly outputSize: Pair; readonly window: Pair },
): string {
  const { numImages, outputSize, window } = sizes;
  const [rows, columns] = outputSize;
  const [height, width] = window;
  const numPixels = nodes.filled('numPixels', [], height * width);
  const shares = nodes.node('Div', 'shares', [dOutput, numPixels]);
  const apart = nodes.reshape('shares_apart', shares, [numImages, rows, 1, columns, 1]);
  const repeated = nodes.node('Expand', 'shares_repeated', [
    apart,
    nodes.integers('windows', [numImages, rows, height, columns, width]),
  ]);
  return nodes.reshape('d_images', repeated, [numImages, rows * height, columns * width]);
}
