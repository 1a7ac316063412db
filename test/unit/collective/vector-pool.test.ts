import { describe, expect, it } from 'vitest';
import { VectorPool } from '../../../src/collective/vector-pool.js';

describe('a pool of vectors', () => {
  it('gives long arrays again, to whoever wants their length', () => {
    const pool = new VectorPool();
    const first = pool.take(20_000);
    expect(first).toEqual(new Float32Array(20_000));
    pool.give(first);
    expect(pool.take(20_001)).not.toBe(first);
    expect(pool.take(20_000)).toBe(first);
    expect(pool.take(20_000)).not.toBe(first);
  });

  it('gives what it has alone to who wants nothing else', () => {
    const pool = new VectorPool();
    expect(pool.takeSpare(20_000)).toBeUndefined();
    const values = new Float32Array(20_000);
    pool.give(values);
    expect(pool.takeSpare(20_000)).toBe(values);
    expect(pool.takeSpare(20_000)).toBeUndefined();
  });

  it('refuses an array that it has already, and takes it again once it was taken', () => {
    const pool = new VectorPool();
    const values = new Float32Array(20_000);
    pool.give(values);
    const twice = new RangeError('An array of 20000 elements is given twice.');
    expect(() => {
      pool.give(values);
    }).toThrow(twice);
    expect(() => {
      pool.give(new Float32Array(values.buffer));
    }).toThrow(twice);
    expect(pool.takeSpare(20_000)).toBe(values);
    expect(pool.takeSpare(20_000)).toBeUndefined();
    pool.give(values);
    expect(pool.takeSpare(20_000)).toBe(values);
  });

  it('refuses a part of an array, whose rest others may still read', () => {
    const pool = new VectorPool();
    const whole = new Float32Array(30_000);
    expect(() => {
      pool.give(whole.subarray(0, 20_000));
    }).toThrow(new RangeError('20000 elements of an array of 30000 are given.'));
    expect(() => {
      pool.give(whole.subarray(0, 3));
    }).toThrow(RangeError);
  });

  it('keeps no shared memory, which cannot be given to a thread', () => {
    const pool = new VectorPool();
    pool.give(new Float32Array(new SharedArrayBuffer(80_000)));
    expect(pool.takeSpare(20_000)).toBeUndefined();
  });

  it('keeps no short arrays', () => {
    const pool = new VectorPool();
    const short = pool.take(100);
    pool.give(short);
    expect(pool.take(100)).not.toBe(short);
  });

  it('keeps no more than a gibibyte', () => {
    const pool = new VectorPool();
    // Nothing is written to them: they take no room.
    const large: Float32Array[] = Array.from({ length: 3 }, () => new Float32Array(2 ** 27));
    for (const values of large) pool.give(values);
    const taken: Float32Array[] = large.map(() => pool.take(2 ** 27));
    expect(taken.filter((values) => large.includes(values))).toHaveLength(2);
  });
});
