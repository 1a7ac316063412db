/** The values that make_fixtures.py gives to weights and images; see there. */

import type { Network } from '../../../src/models/network.js';
import { numElements, stateDictSpecs } from '../../../src/models/tensor-specs.js';
import type { StoredTensor } from '../../../src/models/weights/tensor-set.js';

/** lowbias32 of index and salt, in [0, 1). */
export function uniform(index: number, salt: number): number {
  let x = (index + Math.imul(salt, 1000003)) | 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return (x >>> 0) / 2 ** 32;
}

export function values(count: number, salt: number, low: number, high: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = low + (high - low) * uniform(i, salt);
  return out;
}

function tensorValue(name: string, shape: readonly number[], salt: number): Float32Array {
  const count = numElements(shape);
  if (name.endsWith('running_var')) return values(count, salt, 0.5, 1.5);
  if (name.endsWith('running_mean')) return values(count, salt, -0.25, 0.25);
  if (shape.length === 1) {
    return name.endsWith('weight') ? values(count, salt, 0.5, 1.5) : values(count, salt, -0.2, 0.2);
  }
  const bound = Math.sqrt(6 / numElements(shape.slice(1)));
  return values(count, salt, -bound, bound);
}

/** A whole state dict; a tensor's salt is its place in it. */
export function formulaWeights(network: Network): Map<string, StoredTensor> {
  return new Map(
    stateDictSpecs(network).map(({ name, shape, role }, salt) => [
      name,
      {
        shape,
        data: role === 'counter' ? BigInt64Array.of(0n) : tensorValue(name, shape, salt),
      },
    ]),
  );
}

/** Largest difference relative to the largest expected value. */
export function relativeError(actual: ArrayLike<number>, expected: readonly number[]): number {
  let difference = 0;
  let largest = 0;
  for (const [i, value] of expected.entries()) {
    difference = Math.max(difference, Math.abs(actual[i]! - value));
    largest = Math.max(largest, Math.abs(value));
  }
  return actual.length === expected.length ? difference / largest : Infinity;
}
