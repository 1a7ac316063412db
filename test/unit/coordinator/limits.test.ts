import { describe, expect, it } from 'vitest';
import { compileLimits } from '../../../src/coordinator/limits.js';

describe('compileLimits', () => {
  it('leaves room for several heartbeats and judgements within the tolerance', () => {
    for (const toleranceMs of [40, 300, 10_000, 600_000]) {
      const limits = compileLimits(toleranceMs);
      expect(limits.heartbeatMs).toBeLessThanOrEqual(toleranceMs / 3);
      expect(limits.tickMs).toBeLessThanOrEqual(toleranceMs / 3);
      for (const longer of [limits.prepareMs, limits.helloMs, limits.startMs, limits.stageMs]) {
        expect(longer).toBeGreaterThan(toleranceMs);
      }
    }
  });

  it('refuses a tolerance under 40 ms', () => {
    expect(() => compileLimits(39)).toThrow('toleranceMs is 39; it must be at least 40.');
    expect(() => compileLimits(Number.NaN)).toThrow(RangeError);
  });
});
