import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/config/duration.js';

describe('a duration', () => {
  it.each([
    ['300 ms', 300],
    ['2.5s', 2500],
    ['1 m', 60_000],
  ])('%s is so many milliseconds', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['10', 's', '-1 s', '1 h', '1  s', '1 s '])('is not %j', (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError);
  });

  it('is read as it is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
