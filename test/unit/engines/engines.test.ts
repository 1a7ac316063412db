import { describe, expect, test } from 'vitest';
import { parseCpuFlags } from '../../../src/engines/cpu-class.js';

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
