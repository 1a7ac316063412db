import { tapsOf, type ConvGeometry } from './geometry.js';

/**
 * Which pixel of the input each tap of each window reads, as zeros and ones: element [q, p, t] of [H * W, P, T] is 1 where tap t of
 * the output's pixel p is the input's pixel q. Windows that reach into the padding have fewer ones. A product with it copies each
 * pixel to the windows that read it (exactly, for finite values), a product with its transpose adds up what came of each pixel.
 */
export function placement(geometry: ConvGeometry): Float32Array {
  const { inputSize, outputSize, stride, dilation, pads, numPixels, numTaps } = geometry;
  const [height, width] = inputSize;
  const matrix = new Float32Array(geometry.numInputPixels * numPixels * numTaps);
  for (let p = 0; p < numPixels; p++) {
    const top = Math.floor(p / outputSize[1]) * stride[0] - pads[0];
    const left = (p % outputSize[1]) * stride[1] - pads[1];
    for (const [t, [i, j]] of tapsOf(geometry).entries()) {
      const row = top + i * dilation[0];
      const column = left + j * dilation[1];
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      matrix[((row * width + column) * numPixels + p) * numTaps + t] = 1;
    }
  }
  return matrix;
}

/**
 * Whether the matrix is small enough to be part of a graph, 4 MB at most: a product with it takes H * W multiplications for each
 * value that is copied.
 */
export function canBePlaced({ numInputPixels, numPixels, numTaps }: ConvGeometry): boolean {
  return numInputPixels * numPixels * numTaps <= 2 ** 20;
}

/** A matrix [rows, columns] transposed. */
export function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(
    matrix,
    (_, at) => matrix[(at % rows) * columns + Math.floor(at / rows)]!,
  );
}
