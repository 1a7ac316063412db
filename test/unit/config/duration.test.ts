import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/config/duration.js';
import { load, minimal } from './support.js';

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

describe('tolerance', () => {
  it.each([
    [
      '10',
      '--set tolerance=10: tolerance is 10. It must be a duration from `300 ms` to `60 m`, in `ms`, `s` or `m`.',
    ],
    ['200 ms', '--set tolerance=200 ms: tolerance is 200 ms. It must be from 300 ms to 60 m.'],
    ['61 m', '--set tolerance=61 m: tolerance is 61 m. It must be from 300 ms to 60 m.'],
  ])('is not %s', async (tolerance, message) => {
    await expect(load(minimal, [`tolerance=${tolerance}`])).rejects.toMatchObject({
      code: 'FT_CONFIG_INVALID_VALUE',
      message,
    });
  });

  it('is what the document says', async () => {
    const { spec } = await load(minimal, ['tolerance=1.5 s']);
    expect(spec.toleranceMs).toBe(1500);
  });
});
