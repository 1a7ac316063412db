import { describe, expect, it } from 'vitest';
import { kernelMemory, Kernels, wholeFours } from '../../../src/kernels/kernels.js';

const memory = kernelMemory(70_000);
const kernels = new Kernels(memory);

function array(byteOffset: number, values: readonly number[]): Float32Array {
  const made = new Float32Array(memory.buffer, byteOffset, values.length);
  made.set(values);
  return made;
}

describe('kernels', () => {
  it('take whole fours of elements, at any address that is a multiple of four', () => {
    const left = array(4, [1, 2, 3, 4, 5, 6, 7]);
    const right = array(1000, [10, 20, 30, 40, 50, 60, 70]);
    const out = array(2020, [0, 0, 0, 0, -1, -1, -1]);
    kernels.run('add', [out, left, right], 7);
    expect([...out]).toEqual([11, 22, 33, 44, -1, -1, -1]);
    expect([0, 3, 4, 7, 8].map(wholeFours)).toEqual([0, 0, 4, 4, 8]);
  });

  it('do nothing to no elements', () => {
    const values = array(0, [1, 2, 3]);
    kernels.run('divide', [values], 3, [2]);
    expect([...values]).toEqual([1, 2, 3]);
    expect(kernels.run('countNotFinite', [array(0, [NaN])], 1)).toBe(0);
  });

  it('count what is not finite', () => {
    const values = array(0, [1, NaN, Infinity, -Infinity, -0, 3e38, 1e-45, NaN]);
    expect(kernels.run('countNotFinite', [values], 8)).toBe(4);
  });

  it('sum squares in four sums', () => {
    const values = array(0, [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(kernels.run('sumOfSquares', [values], 8)).toEqual([26, 40, 58, 80]);
  });

  it('reach past 2 GiB, where an address of 32 bits would be negative with a sign', () => {
    // Pages that nobody writes to take no room.
    const large = kernelMemory(2 ** 32);
    const at = (byteOffset: number): Float32Array =>
      new Float32Array(large.buffer, byteOffset, 16).fill(3);
    const [across, high] = [at(2 ** 31 - 32), at(2 ** 32 - 128)];
    const own = new Kernels(large);
    own.run('divide', [across], 16, [2]);
    own.run('add', [high, high, across], 16);
    expect([...new Set(across)]).toEqual([1.5]);
    expect([...new Set(high)]).toEqual([4.5]);
  });

  it('are refused by a wrong name, and memory of more than 4 GiB', () => {
    expect(() => kernels.run('subtract', [], 0)).toThrow('There is no kernel subtract.');
    expect(() => kernelMemory(2 ** 32 + 1)).toThrow('4294967297 bytes are more than 4 GiB.');
  });
});
