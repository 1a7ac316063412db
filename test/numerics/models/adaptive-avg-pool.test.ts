import { describe, expect, test } from 'vitest';
import type { Layer } from '../../../src/models/network.js';
import { lowerNetwork } from '../../../src/models/onnx/lower-network.js';
import { networkOf } from '../../support/models/network-of.js';
import { relativeError, values } from './formula.js';
import { runImages } from './run-onnx.js';

const channels = 3;

/** The definition: the mean of the rows floor(i * size / n) to ceil((i + 1) * size / n), and columns alike. */
function adaptiveAverage(image_CHW: Float32Array, size: number, n: number): number[] {
  const start = (i: number) => Math.floor((i * size) / n);
  const end = (i: number) => Math.ceil(((i + 1) * size) / n);
  const out: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let y = start(i); y < end(i); y++) {
          for (let x = start(j); x < end(j); x++) sum += image_CHW[(c * size + y) * size + x]!;
        }
        out.push(sum / ((end(i) - start(i)) * (end(j) - start(j))));
      }
    }
  }
  return out;
}

const pool = (side: number): Layer => ({
  kind: 'adaptiveAvgPool',
  name: 'pool',
  inputs: ['images'],
  outputSize: [side, side],
});

function lowered(size: number, side: number): Uint8Array {
  return lowerNetwork(networkOf([pool(side)]), new Map(), {
    imageSize: size,
    output: 'pool',
    outputName: 'pooled',
  });
}

describe('adaptive average pooling gives the mean of each window', () => {
  // Overlapping, dividing, equal, and larger than the input, which repeats it.
  for (const [size, side] of [
    [13, 6],
    [7, 6],
    [12, 6],
    [8, 7],
    [7, 7],
    [6, 7],
    [3, 7],
    [1, 7],
    [10, 1],
    [5, 4],
  ] as const) {
    test(`of ${size} to ${side}`, async () => {
      const image = values(channels * size * size, size, -2, 2);
      const pooled = await runImages(lowered(size, side), image, [1, channels, size, size]);
      expect(relativeError(pooled, adaptiveAverage(image, size, side))).toBeLessThan(1e-6);
    });
  }
});

test('an image has the same bits alone and in any batch', async () => {
  const [size, side, numImages] = [13, 6, 5];
  const length = channels * size * size;
  const images = values(numImages * length, 3, -2, 2);
  const model = lowered(size, side);
  const together = await runImages(model, images, [numImages, channels, size, size]);
  const numOut = channels * side * side;
  for (let i = 0; i < numImages; i++) {
    const alone = await runImages(model, images.slice(i * length, (i + 1) * length), [
      1,
      channels,
      size,
      size,
    ]);
    expect(alone).toEqual(together.slice(i * numOut, (i + 1) * numOut));
  }
});
