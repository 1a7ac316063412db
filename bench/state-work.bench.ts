/**
 * Milliseconds of the work on a state: in the calling thread and in a thread of its own, for a step (count, ledger, Adam) and for a snapshot
 * and its restoring; and the longest block of the calling thread meanwhile, waits for a core left out.
 *
 *     npm run build && npx tsx bench/state-work.bench.ts [--parameters 10000,100000,1000000,11700000] [--rounds 9]
 *
 * Times are the fastest of the rounds: what else the machine does only adds to them.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BlockMonitor } from '../src/metrics/block-monitor.js';
import { initialState, type TrainingState } from '../src/state/training-state.js';
import { updateScalars } from '../src/train/optimizers/update.js';
import { inlineStateWork, type StateWork } from '../src/train/state-work.js';
import { threadedStateWork } from '../src/train/state-work/threaded-state-work.js';

const { values: flags } = parseArgs({
  options: {
    parameters: { type: 'string', default: '10000,100000,1000000,11700000' },
    rounds: { type: 'string', default: '9' },
  },
});

const adam = {
  type: 'adam' as const,
  ...{ learningRate: 1e-3, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, groups: [] },
};

/** Something like noise, without a generator. */
function noise(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + 0.5));
}

async function step(work: StateWork, state: TrainingState, given: Float32Array): Promise<void> {
  const numTrained = state.parameters.length;
  state.updates += 1;
  state.round += 1;
  const place = { step: state.updates, learningRate: 1e-3, weightDecay: 0 };
  const { ledger, reduced } = await work.inspect(given, state.ledger, state.round);
  const whole = { gradientOffset: 0, parameterOffset: 0, length: numTrained };
  await work.update(state, {
    ...{ reduced, numTrained, weight: 32, clip: { norm: null, value: null } },
    ranges: [{ ...whole, scalars: updateScalars(adam, place) }],
  });
  state.ledger = ledger;
}

interface Reading {
  readonly ms: number;
  readonly longestBlockMs: number;
}

async function fastest(work: (round: number) => Promise<void>): Promise<Reading> {
  let ms = Infinity;
  const monitor = new BlockMonitor();
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    // The first rounds are compiled in.
    if (round === 2) monitor.restart();
    const start = performance.now();
    await work(round);
    ms = Math.min(ms, performance.now() - start);
    await setTimeout(5);
  }
  const { longestMs } = monitor;
  monitor.stop();
  return { ms, longestBlockMs: longestMs };
}

async function measure(work: StateWork, numParameters: number): Promise<Record<string, Reading>> {
  const initial = { parameters: noise(numParameters), statistics: new Float32Array(0) };
  const state = initialState(initial, (length) => work.allocate(length));
  const vectors = Array.from({ length: Number(flags.rounds) }, () => noise(numParameters + 4));
  const ofStep = await fastest((round) => step(work, state, vectors[round]!));
  let { bytes } = await work.snapshot(state);
  const ofSnapshot = await fastest(async () => {
    ({ bytes } = await work.snapshot(state));
  });
  const ofRestore = await fastest(async () => {
    await work.restore(bytes);
  });
  await work.close();
  return { step: ofStep, snapshot: ofSnapshot, restore: ofRestore };
}

const rounded = (value: number): string => value.toFixed(2).padStart(8);

process.stdout.write('parameters  work      what      ms        longest block ms\n');
for (const count of flags.parameters.split(',').map(Number)) {
  for (const [name, open] of [
    ['inline', inlineStateWork],
    ['thread', () => threadedStateWork(count)],
  ] as const) {
    for (const [what, { ms, longestBlockMs }] of Object.entries(await measure(open(), count))) {
      const columns = [String(count).padEnd(10), name.padEnd(8), what.padEnd(8)];
      process.stdout.write(`${columns.join('  ')}  ${rounded(ms)}  ${rounded(longestBlockMs)}\n`);
    }
  }
}
