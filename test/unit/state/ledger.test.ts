import { describe, expect, it } from 'vitest';
import { extendLedger, unstartedLedger } from '../../../src/state/ledger.js';

describe('extendLedger', () => {
  it('differs from the first different sum, round or past on, for good', () => {
    const vector = Float32Array.of(1, 2);
    const one = extendLedger(unstartedLedger, 1, vector);
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(extendLedger(unstartedLedger, 1, Float32Array.of(1, 2))).toBe(one);
    const others = [
      extendLedger(unstartedLedger, 1, Float32Array.of(1, 2.0000002)),
      extendLedger(unstartedLedger, 2, vector),
      extendLedger(one, 1, vector),
    ];
    expect(new Set([one, ...others]).size).toBe(4);
    expect(extendLedger(others[0]!, 2, vector)).not.toBe(extendLedger(one, 2, vector));
  });
});
