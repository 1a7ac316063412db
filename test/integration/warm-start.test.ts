import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/control/events.js';
import { eventsOf, ftctl, launched } from '../support/runs/ftctl.js';
import { makeWorld, type World } from '../support/runs/world.js';

const config = {
  model: { architecture: 'mobilenet_v2', width: 0.25, weights: 'random' },
  phases: [{ train: 'head', epochs: 2, optimizer: { type: 'adam', learningRate: 0.01 } }],
};

describe('a run of what another run has trained', () => {
  let world: World;
  let first: RunResult;

  beforeAll(async () => {
    world = await makeWorld({ config });
    first = await launched(world.args, world.env);
  });
  afterAll(() => world.remove());

  const from = (weights: string, ...more: string[]): Promise<RunResult> =>
    launched([...world.args, '--set', `model.weights=${weights}`, ...more], world.env);

  it('begins where the other one was, on any number of workers', async () => {
    const one = await from(`run:${first.runId}`, '--workers', '1');
    const path = join(world.runsDir, first.runId);
    const three = await from(`run:${path}`, '--workers', '3');
    expect(three.digest).toBe(one.digest);
    expect(one.digest).not.toBe(first.digest);
    const said = (await eventsOf(one.runDir)).flatMap((event) =>
      event.type === 'preparing' ? [event.message] : [],
    );
    const best = first.best!.epoch + 1;
    expect(said).toContain(
      `The weights of run:${first.runId} are those of its best epoch, ${best}.`,
    );
    // Adam begins anew, and the parameters do not.
    expect(one.train!.loss).toBeLessThan(first.train!.loss);
  });

  it('ends before it begins where the model is gone, which `config validate` says too', async () => {
    const weights = ['--set', `model.weights=run:${first.runId}`, '--runs-dir', world.runsDir];
    const validate = ['config', 'validate', '--json', world.config, ...weights];
    expect((await ftctl(validate, world.env)).code).toBe(0);
    await rm(join(first.runDir, 'model'), { recursive: true });
    const refused = await ftctl(validate, world.env);
    expect([refused.code, refused.stdout]).toEqual([
      3,
      expect.stringContaining('FT_ARTIFACTS_NOT_FOUND'),
    ]);
    const { code, stdout } = await ftctl(
      ['launch', '--json', ...world.args, '--set', `model.weights=run:${first.runId}`],
      world.env,
    );
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'failed',
      error: {
        code: 'FT_ARTIFACTS_NOT_FOUND',
        message: `The run ${first.runId} has no model. The run has finished; its model was removed, or could not be written.`,
      },
    });
  });
});
