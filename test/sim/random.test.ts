import { describe, expect, it } from 'vitest';
import type { Shape } from './support/fake-trainer.js';
import { type Fault, randomFaults } from './support/faults.js';
import { problemsOf } from './support/judge.js';
import { Random } from './support/random.js';
import type { SimulationOptions } from './support/history.js';
import { simulate } from './support/simulation.js';

/** `FTCTL_SIM_SEEDS=100000 npx vitest run --project sim random` plays more. */
const numSeeds = Number(process.env['FTCTL_SIM_SEEDS'] ?? 2000);
const firstSeed = Number(process.env['FTCTL_SIM_FIRST_SEED'] ?? 1);

const kindsOfEnd = [
  'FT_DIVERGED',
  'FT_WORKERS_DISCONNECTED',
  'FT_WORKER_LOST',
  'FT_WORKER_SILENT',
  'finished',
  'no outcome',
  'stopped',
];

/** A random history: 1 to 4 workers, few rounds, up to four faults. */
function randomOptions(seed: number): SimulationOptions {
  const random = new Random(seed ^ 0x5bd1e995);
  const numWorkers = random.pick([1, 2, 2, 3, 3, 3, 4]);
  const shape: Shape = {
    epochs: random.integer(1, 2),
    steps: random.integer(1, 4),
    numShards: random.integer(numWorkers, 6),
    vectorLength: random.pick([1, 2, 3, 5, 7, 20, 40]),
  };
  const faults: Fault[] = randomFaults(random, numWorkers);
  const twoHopFromElements = random.pick([1, 1000]);
  const bucketElements = random.pick([3, 17, 1000]);
  return { seed, numWorkers, shape, faults, twoHopFromElements, bucketElements };
}

describe('random histories', () => {
  it(
    `holds in ${numSeeds} histories from seed ${firstSeed} on`,
    async () => {
      const failed: { seed: number; problems: string[] }[] = [];
      const ends = new Map<string, number>();
      for (let seed = firstSeed; seed < firstSeed + numSeeds && failed.length < 5; seed++) {
        const history = await simulate(randomOptions(seed));
        const problems = problemsOf(history);
        if (problems.length > 0) failed.push({ seed, problems });
        const end = history.outcome?.end;
        const name = end?.status === 'failed' ? end.error.code : (end?.status ?? 'no outcome');
        ends.set(name, (ends.get(name) ?? 0) + 1);
      }
      expect(failed).toEqual([]);
      // Every kind of end comes up: the histories are not all the same.
      if (numSeeds >= 1000) expect([...ends.keys()]).toEqual(expect.arrayContaining(kindsOfEnd));
    },
    Math.max(60_000, numSeeds * 60),
  );
});
