import { expect, test } from 'vitest';
import { readWeightsManifest } from '../../../src/models/weights/tfjs/weights-manifest.js';

const weight = (name: string, count: number) => ({
  ...{ name, shape: [count], dtype: 'float32' as const },
});
const files: Readonly<Record<string, Uint8Array>> = {
  a: new Uint8Array(Float32Array.of(1, 2).buffer),
  b: new Uint8Array(Float32Array.of(3).buffer),
};
const read = (paths: string[], weights: ReturnType<typeof weight>[]) =>
  readWeightsManifest([{ paths, weights }], (path) => files[path]!);

test('weights are what their files say, one after the other', () => {
  const weights = read(['a', 'b'], [weight('x', 1), weight('y', 2)]);
  expect(weights.get('y')).toEqual({ shape: [2], data: Float32Array.of(2, 3) });
});

test('a file that is named twice is refused', () => {
  expect(() => read(['a', 'a'], [weight('x', 4)])).toThrow('a file is named twice');
});

test.each([
  [4, 16],
  [2, 8],
  [2 ** 31, 2 ** 33],
])('%d values in files of three are refused before they are put together', (count, needed) => {
  expect(() => read(['a', 'b'], [weight('x', count)])).toThrow(
    `its weights take ${needed} bytes and its files have 12`,
  );
});
