import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunEvent, RunResult } from '../../src/control/events.js';
import { decodeSafetensors } from '../../src/models/weights/safetensors.js';
import { eventsOf, launched, startFtctl } from '../support/runs/ftctl.js';
import { untilEvent } from '../support/runs/running.js';
import { makeWorld, type World } from '../support/runs/world.js';

/** Everything that could tell workers apart: dropout, mixup, statistics of shards, norms over the whole gradient, rates by update. */
const everything = {
  train: 'all',
  epochs: 3,
  from: 'best',
  optimizer: {
    type: 'adamw',
    learningRate: 0.002,
    groups: [{ match: '*.bias', weightDecay: 0 }],
  },
  schedule: { type: 'cosine', warmup: { epochs: 1 } },
  clip: { norm: 1 },
  labelSmoothing: 0.1,
  classWeights: 'balanced',
  sampling: 'weighted',
  mixup: 0.4,
  accumulate: 2,
  batchNorm: 'shard',
};

const config = {
  model: { architecture: 'mobilenet_v2', width: 0.25, weights: 'random' },
  phases: [
    { train: 'head', epochs: 2, optimizer: { type: 'adam', learningRate: 0.01 } },
    everything,
  ],
  // Of 42 samples the last batch has 10: a shard has at least two, as images come down to one pixel.
  batch: { size: 16, shards: 4 },
};

describe('a run of two phases', () => {
  let world: World;
  let one: RunResult;

  beforeAll(async () => {
    world = await makeWorld({ perClass: 20, config });
    one = await launched([...world.args, '--workers', '1'], world.env);
  });
  afterAll(() => world.remove());

  it.each([2, 3])('has the digest of one worker for %i workers', async (workers) => {
    const run = await launched([...world.args, '--workers', String(workers)], world.env);
    expect(run.digest).toBe(one.digest);
    expect(run).toMatchObject({ steps: one.steps, train: one.train, val: one.val });
    expect(run.best).toEqual(one.best);
  });

  it('goes on after Ctrl-C in its second phase to the same digest', async () => {
    const known = await readdir(world.runsDir);
    const { child, finished } = startFtctl(
      ['launch', '--json', ...world.args, '--workers', '2'],
      world.env,
    );
    await untilEvent(world.runsDir, known, isInSecondPhase);
    child.kill('SIGINT');
    const { stdout } = await finished;
    const stopped = JSON.parse(stdout) as RunResult;
    expect(stopped.status).toBe('stopped');
    const resumed = await launched(
      ['--runs-dir', world.runsDir, '--resume', stopped.runId, '--workers', '3'],
      world.env,
    );
    expect(resumed.digest).toBe(one.digest);
  });

  it('writes the network that was trained', async () => {
    const path = join(one.runDir, 'model', 'model.safetensors');
    const { tensors } = decodeSafetensors(await readFile(path), path);
    expect(tensors.get('features.0.0.weight')?.shape).toEqual([8, 3, 3, 3]);
    // In the best epoch, of the second phase or not: statistics have moved as often as their counter says.
    const events = await eventsOf(one.runDir);
    const { phase, epoch } = bestEpoch(events);
    const counter = tensors.get('features.0.1.num_batches_tracked')?.data as BigInt64Array;
    // Epochs count over both phases. An epoch's three batches make two updates.
    const numEpochs = phase === 0 ? 0 : epoch - 1;
    expect(counter[0]).toBe(BigInt(2 * numEpochs));
  });
});

function isInSecondPhase(event: RunEvent): boolean {
  return event.type === 'epoch' && event.phase === 1;
}

function bestEpoch(events: readonly RunEvent[]): Extract<RunEvent, { type: 'epoch' }> {
  return events.filter((event) => event.type === 'epoch').findLast(({ isBest }) => isBest)!;
}
