import { describe, expect, it } from 'vitest';
import type { Shape } from './support/fake-trainer.js';
import { problemsOf } from './support/judge.js';
import { mutants } from './support/mutants.js';
import { simulate } from './support/simulation.js';

const shape: Shape = { epochs: 2, steps: 6, numShards: 6, vectorLength: 4 };
/** A bug need not show in the first history. */
const numSeeds = 10;

describe('a planted bug is found', () => {
  for (const { name, faults, bug } of mutants) {
    it(`when ${name}`, async () => {
      let found: string[] = [];
      for (let seed = 1; seed <= numSeeds && found.length === 0; seed++) {
        const options = { seed, numWorkers: 3, shape, faults };
        expect(problemsOf(await simulate(options))).toEqual([]);
        found = problemsOf(await simulate({ ...options, ...bug }));
      }
      expect(found).not.toEqual([]);
    }, 60_000);
  }
});
