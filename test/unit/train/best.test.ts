import { describe, expect, it } from 'vitest';
import { isBetter } from '../../../src/train/best.js';

describe('isBetter', () => {
  it('takes the first epoch whatever its value', () => {
    expect(isBetter('accuracy', 0, null)).toBe(true);
  });

  it('wants a higher accuracy and a lower loss', () => {
    expect(isBetter('accuracy', 0.6, { value: 0.5 })).toBe(true);
    expect(isBetter('accuracy', 0.4, { value: 0.5 })).toBe(false);
    expect(isBetter('loss', 0.4, { value: 0.5 })).toBe(true);
    expect(isBetter('loss', 0.6, { value: 0.5 })).toBe(false);
  });

  it('keeps the earlier one of equal epochs', () => {
    expect(isBetter('accuracy', 0.5, { value: 0.5 })).toBe(false);
    expect(isBetter('loss', 0.5, { value: 0.5 })).toBe(false);
  });
});
