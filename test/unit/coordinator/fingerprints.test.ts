import { describe, expect, it } from 'vitest';
import { fingerprintDifference } from '../../../src/coordinator/fingerprints.js';

describe('fingerprintDifference', () => {
  it('is undefined for equal fingerprints', () => {
    expect(fingerprintDifference('{"a":1}', '{"a":1}')).toBeUndefined();
  });

  it('names the innermost part that differs, and both values', () => {
    const left = JSON.stringify({ cpu: { isa: 'avx2', cores: 2 }, node: '20.20.0' });
    const right = JSON.stringify({ cpu: { isa: 'avx512', cores: 2 }, node: '20.20.0' });
    expect(fingerprintDifference(left, right)).toEqual({
      part: 'cpu.isa',
      left: '"avx2"',
      right: '"avx512"',
    });
  });

  it('names a part that only one of them has', () => {
    expect(fingerprintDifference('{"a":1}', '{"a":1,"b":2}')).toEqual({
      part: 'b',
      left: 'absent',
      right: '2',
    });
  });

  it('tells text that is no JSON apart as a whole', () => {
    expect(fingerprintDifference('one', 'two')).toEqual({
      part: 'fingerprint',
      left: '"one"',
      right: '"two"',
    });
  });

  it('does not take two spellings of the same JSON for equal', () => {
    expect(fingerprintDifference('{"a":1}', '{ "a":1}')?.part).toBe('fingerprint');
  });
});
