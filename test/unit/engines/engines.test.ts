import { describe, expect, test } from 'vitest';
import { parseCpuFlags } from '../../../src/engines/cpu-class.js';
import { fitsInline } from '../../../src/engines/open-phase-engine.js';

describe('the instruction class of a processor', () => {
  test('is its numerically relevant flags, sorted, of the first processor', () => {
    const cpuinfo = [
      'processor\t: 0',
      'model name\t: A processor',
      'flags\t\t: fpu sse4_1 fma avx2 avx512f rep_good avx',
      'processor\t: 1',
      'flags\t\t: fpu',
    ].join('\n');
    expect(parseCpuFlags(cpuinfo)).toEqual(['avx', 'avx2', 'avx512f', 'fma', 'sse4_1']);
  });

  test("is read from Arm's list as well", () => {
    expect(parseCpuFlags('Features\t: fp asimd crc32 asimddp\n')).toEqual(['asimd', 'asimddp']);
  });

  test('is unknown where there is no list', () => {
    expect(parseCpuFlags('processor: 0\n')).toBeUndefined();
  });
});

test('a run is done inline up to two million operations, the gradient counting as much as the forward', () => {
  const head = { numFeatures: 1792, numClasses: 16 };
  // 4 * 8 * 2 * 1792 * 16 = 1,835,008; a ninth shard makes 2,064,384. Without the gradient, half: 17 shards of 2 rows fit.
  expect(fitsInline({ numShards: 8, rowsPerShard: 2 }, head, 'gradient')).toBe(true);
  expect(fitsInline({ numShards: 9, rowsPerShard: 2 }, head, 'gradient')).toBe(false);
  expect(fitsInline({ numShards: 17, rowsPerShard: 2 }, head, 'evaluation')).toBe(true);
  expect(fitsInline({ numShards: 18, rowsPerShard: 2 }, head, 'evaluation')).toBe(false);
});
