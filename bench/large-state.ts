/**
 * A state that is larger than Node hashes or reads at once, all the way: trained a step in its thread, encoded, written, read back, sent
 * over gRPC, and restored in another thread; it must come back bit for bit. By default the size of vgg16 with all of it trained: 2.2 GB, of
 * which up to five copies are in memory at once.
 *
 *     npm run build && npx tsx bench/large-state.ts [--parameters 138357544] [--dir FOLDER]
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { BlockMonitor } from '../src/metrics/block-monitor.js';
import { connectCoordinator } from '../src/rpc/coordinator-client.js';
import { startCoordinatorServer } from '../src/rpc/coordinator-server.js';
import { CheckpointStore } from '../src/state/checkpoint-store.js';
import { openSnapshot, type OpenedSnapshot } from '../src/state/snapshot.js';
import { initialState, type TrainingState } from '../src/state/training-state.js';
import { updateScalars } from '../src/train/optimizers/update.js';
import { threadedStateWork } from '../src/train/state-work/threaded-state-work.js';
import type { StateWork } from '../src/train/state-work.js';

const { values: flags } = parseArgs({
  options: {
    parameters: { type: 'string', default: '138357544' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const numParameters = Number(flags.parameters);
const adam = {
  type: 'adam' as const,
  ...{ learningRate: 1e-3, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, groups: [] },
};

const monitor = new BlockMonitor();

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  monitor.restart();
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  const rss = process.memoryUsage.rss() / 2 ** 30;
  console.log(
    `${what.padEnd(28)} ${seconds.toFixed(2).padStart(7)} s   longest block ${monitor.longestMs.toFixed(0).padStart(6)} ms   memory ${rss.toFixed(1)} GiB`,
  );
  return result;
}

/** Something of which no two pieces are alike. */
function noise(length: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(length);
  let seed = 1;
  for (let i = 0; i < length; i += 1) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
    values[i] = seed / 2 ** 31;
  }
  return values;
}

async function trained(work: StateWork): Promise<TrainingState> {
  const initial = { parameters: noise(numParameters), statistics: Float32Array.of(1, 2) };
  const state = initialState(initial, (length) => work.allocate(length));
  const place = { step: 1, learningRate: 1e-3, weightDecay: 0 };
  const { ledger, reduced } = await work.inspect(noise(numParameters), state.ledger, 1);
  const whole = { gradientOffset: 0, parameterOffset: 0, length: numParameters };
  await work.update(state, {
    ...{ reduced, numTrained: numParameters, weight: 32, clip: { norm: 1, value: null } },
    ranges: [{ ...whole, scalars: updateScalars(adam, place) }],
  });
  const parameters = await work.keep(state.parameters, undefined);
  const statistics = state.statistics.slice();
  state.best = { phase: 0, epoch: 0, value: 0.5, parameters, statistics };
  return Object.assign(state, { round: 1, updates: 1, ledger });
}

/** `assert.deepEqual` of arrays of this length would take hours. */
function checkEqual(actual: TrainingState, expected: TrainingState): void {
  const arrays = ({ parameters, firstMoments, secondMoments, best }: TrainingState) => [
    ...[parameters, firstMoments, secondMoments, best!.parameters],
  ];
  for (const [index, values] of arrays(actual).entries()) {
    const other = arrays(expected)[index]!;
    assert.equal(values.length, other.length);
    for (let i = 0; i < values.length; i += 1) {
      if (!Object.is(values[i], other[i])) assert.fail(`array ${index} differs at ${i}`);
    }
  }
  assert.notEqual(expected.secondMoments.at(-1), 0);
}

/** What a coordinator sends is checked by the worker that gets it. */
async function sent(snapshot: OpenedSnapshot): Promise<Uint8Array> {
  const server = await startCoordinatorServer({
    ...{ host: '127.0.0.1', port: 0, token: 'bench', onStop: () => undefined },
    blobs: () => Promise.resolve(undefined),
    states: () => snapshot.bytes,
    events: { subscribe: () => () => undefined },
  });
  const client = connectCoordinator({ address: server.address, token: 'bench' });
  try {
    return await client.fetchState(snapshot, new AbortController().signal);
  } finally {
    await client.close();
    await server.close();
  }
}

const dir = await mkdtemp(join(flags.dir, 'ftctl-large-state-'));
const works = [threadedStateWork(numParameters), threadedStateWork(numParameters)] as const;
try {
  const store = new CheckpointStore({ checkpointsDir: dir, bestDir: dir });
  const state = await timed('a step and a best state', () => trained(works[0]));
  let snapshot = await timed('encoded and hashed', () => works[0].snapshot(state));
  console.log(`${snapshot.bytes.length} bytes (2 GiB are ${2 ** 31})`);
  const hash = snapshot.hash;
  const path = await timed('written', () => store.write('checkpoint', snapshot, 0));
  assert.equal((await stat(path)).size, snapshot.bytes.length);
  const read = (await timed('read and checked', () => store.newestIntact()))!.snapshot;
  assert.equal(read.hash, hash);
  snapshot = read;
  const bytes = await timed('sent over gRPC', () => sent(read));
  assert.equal((await timed('checked', () => openSnapshot(bytes))).hash, hash);
  const restored = await timed('restored', () => works[1].restore(bytes));
  checkEqual(restored, state);
  console.log('The state came back bit for bit.');
} finally {
  await Promise.all(works.map((work) => work.close()));
  await rm(dir, { recursive: true });
}
