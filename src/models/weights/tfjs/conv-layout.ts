import type { StoredTensor } from '../tensor-set.js';

/** TensorFlow's [h, w, in, out], or [h, w, channels, 1] for a depthwise convolution, as PyTorch's [out, in, h, w]. */
export function toTorchLayout(
  shape: readonly number[],
  data: Float32Array,
  depthwise: boolean,
): StoredTensor {
  if (shape.length !== 4) throw new Error(`a convolution's weight has shape [${shape.join(', ')}]`);
  const [height, width, third, fourth] = shape as [number, number, number, number];
  const [numOut, numIn] = depthwise ? [third, fourth] : [fourth, third];
  const area = height * width;
  const out = new Float32Array(data.length);
  for (let o = 0; o < numOut; o++) {
    for (let i = 0; i < numIn; i++) {
      for (let p = 0; p < area; p++) {
        const from = depthwise ? (p * numOut + o) * numIn + i : (p * numIn + i) * numOut + o;
        out[(o * numIn + i) * area + p] = data[from]!;
      }
    }
  }
  return { shape: [numOut, numIn, height, width], data: out };
}
