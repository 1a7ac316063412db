import { expect, test } from 'vitest';
import { fuzzOne } from '../../support/weights/fuzz.js';
import { seedFiles } from '../../support/weights/seed-files.js';

const numFiles = 4000;

/** bench/fuzz-weights.ts does this with many more files, in a process whose memory is watched. */
test(`${numFiles} mutated files are read or refused with a code`, { timeout: 120_000 }, () => {
  const seeds = seedFiles();
  const outcomes = new Map<string, number>();
  for (let number = 0; number < numFiles; number++) {
    const { outcome } = fuzzOne(seeds, 1, number);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  // The mutants reach all ways out, and none of them is rare.
  for (const outcome of ['read', 'FT_WEIGHTS_DAMAGED', 'FT_WEIGHTS_PICKLE', 'FT_WEIGHTS_FORMAT']) {
    expect(outcomes.get(outcome), outcome).toBeGreaterThan(numFiles / 100);
  }
});
