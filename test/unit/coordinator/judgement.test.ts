import { describe, expect, it } from 'vitest';
import { makeTrainer } from '../../../src/train/make-trainer.js';
import {
  allShards,
  notAborted,
  smallPhase,
  smallRun,
  smallTrainer,
  trainAlone,
} from '../../support/train/small-run.js';
import { Drive, failure, givenUp, sent } from './support.js';

const generation = { term: 3, number: 1 };

describe('a worker that dies', () => {
  it('is named with its rank, the phase it was in and the cause, and the others go on', () => {
    const drive = new Drive();
    drive.run();
    drive.round(2, 16);
    drive.say(2, { type: 'stage', stage: 'features', round: 16 });
    const effects = drive.on({ type: 'lost', incarnation: 'w2', cause: 'its connection broke' });
    expect(sent(effects)).toEqual(['w2: abort', 'w0: prepare', 'w1: prepare']);
    expect(effects[0]).toMatchObject({
      message: {
        error: {
          code: 'FT_WORKER_LOST',
          message:
            'Worker 2 (process 102 on box) was lost in stage features after round 16: its connection broke.',
          rank: 2,
          phase: 'features',
          details: { incarnation: 'w2', round: 16 },
        },
      },
    });
    expect(givenUp(effects)).toHaveLength(1);
  });

  it('ends the run in the phase starting before it is ready', () => {
    const drive = new Drive();
    drive.hello(1);
    drive.say(1, { type: 'stage', stage: 'load', round: 0 });
    expect(failure(drive.on({ type: 'lost', incarnation: 'w1', cause: 'gone' }))).toMatchObject({
      code: 'FT_WORKER_LOST',
      message: expect.stringContaining('was lost while starting (load): gone.') as string,
      rank: 1,
      phase: 'starting',
    });
  });

  it('is given up with its own error where it said one', () => {
    const drive = new Drive();
    drive.run();
    const error = {
      code: 'FT_ENGINE_UNAVAILABLE',
      message: 'No memory.',
      remedy: 'Buy some.',
      phase: 'gradients',
    } as const;
    const effects = drive.say(1, { type: 'failed', error });
    expect(givenUp(effects)).toEqual([{ slot: 1, cause: 'No memory.' }]);
    expect(sent(effects)).toEqual(['w1: abort', 'w0: prepare', 'w2: prepare']);
  });

  it('names no rank for what all workers decide alike', () => {
    const drive = new Drive();
    drive.run();
    const error = { code: 'FT_LOSS_NOT_FINITE', message: 'NaN.', remedy: 'Less.' } as const;
    expect(failure(drive.say(1, { type: 'failed', error }))).toEqual(error);
  });
});

describe('an accusation', () => {
  const accuse = (drive: Drive, slot: number, peer: number): void => {
    drive.say(slot, { type: 'peer-lost', generation, peer: `w${peer}`, cause: 'refused' });
  };

  it('decides nothing by itself; the death of the accused does', () => {
    const drive = new Drive();
    drive.run();
    accuse(drive, 0, 2);
    accuse(drive, 1, 2);
    expect(drive.state.phase.name).toBe('running');
    drive.nowMs += 5;
    const effects = drive.on({ type: 'lost', incarnation: 'w2', cause: 'it broke' });
    expect(givenUp(effects)).toMatchObject([{ slot: 2 }]);
  });

  it('of two workers that both stay alive is a broken link: who joined last goes', () => {
    const drive = new Drive();
    drive.run();
    accuse(drive, 0, 2);
    expect(givenUp(drive.pass(10_000, [0, 1, 2]))).toEqual([]);
    const effects = drive.pass(2500, [0, 1, 2]);
    // Slot 0 said hello last.
    expect(givenUp(effects)).toEqual([
      {
        slot: 0,
        cause:
          'Workers 0 and 2 are alive but the connection between them broke: refused. Every worker must reach every other one (box:0 and box:2).',
      },
    ]);
    expect(sent(effects)).toEqual(['w0: abort', 'w1: prepare', 'w2: prepare']);
  });

  it('makes the one with the lower round go', () => {
    const drive = new Drive();
    drive.run();
    drive.round(0, 1);
    drive.round(2, 1);
    drive.round(0, 2);
    accuse(drive, 0, 2);
    expect(givenUp(drive.pass(12_500, [0, 1, 2]))).toMatchObject([{ slot: 2 }]);
  });

  it('makes the one with most broken links go', () => {
    const drive = new Drive();
    drive.run();
    drive.round(1, 1);
    accuse(drive, 0, 1);
    accuse(drive, 2, 1);
    expect(givenUp(drive.pass(12_500, [0, 1, 2]))).toMatchObject([{ slot: 1 }]);
  });

  it('of a silent worker ends as the silence of that one', () => {
    const drive = new Drive();
    drive.run();
    accuse(drive, 0, 2);
    const [only, ...others] = givenUp(drive.pass(12_500, [0, 1]));
    expect(only).toMatchObject({
      slot: 2,
      cause: expect.stringContaining('it said nothing') as string,
    });
    expect(others).toEqual([]);
  });

  it('is void once its generation is past', () => {
    const drive = new Drive();
    drive.run();
    drive.say(0, {
      type: 'peer-lost',
      generation: { term: 2, number: 9 },
      ...{ peer: 'w1', cause: 'x' },
    });
    expect(drive.last?.outcome).toBe('ignored');
    expect(failure(drive.pass(20_000, [0, 1, 2]))).toBeUndefined();
  });
});

describe('limits', () => {
  it('name a worker that says nothing for longer than the tolerance', () => {
    const drive = new Drive();
    drive.run();
    drive.say(1, { type: 'stage', stage: 'gradients', round: 5 });
    const effects = drive.pass(12_500, [0, 2]);
    expect(givenUp(effects)).toEqual([
      {
        slot: 1,
        cause:
          'Worker 1 (process 101 on box) does not get on in stage gradients after round 5: it said nothing for 12.5 s (limit 10 s).',
      },
    ]);
    expect(effects[0]).toMatchObject({
      message: {
        error: {
          code: 'FT_WORKER_SILENT',
          remedy: expect.stringContaining(
            'look for a stopped process or a hung disk on box',
          ) as string,
          rank: 1,
          phase: 'gradients',
        },
      },
    });
  });

  it('name a worker that never said hello', () => {
    const drive = new Drive();
    drive.hello(0);
    drive.hello(2);
    expect(failure(drive.pass(122_500, [0, 2]))).toMatchObject({
      code: 'FT_WORKER_SILENT',
      message: 'Worker 1 did not connect to the coordinator within 120 s.',
      rank: 1,
      phase: 'starting',
    });
  });

  it('name a worker that never becomes ready though it says that it lives', () => {
    const drive = new Drive();
    for (const slot of [0, 1, 2]) drive.hello(slot);
    drive.say(0, { type: 'ready', state: { round: 0, hash: 'h' } });
    drive.say(1, { type: 'ready', state: { round: 0, hash: 'h' } });
    drive.say(2, { type: 'stage', stage: 'load', round: 0 });
    expect(failure(drive.pass(602_500, [0, 1, 2]))).toMatchObject({
      code: 'FT_WORKER_SILENT',
      message: expect.stringContaining(
        'does not get on while starting (load): it has been there for 602.5 s (limit 600 s).',
      ) as string,
      rank: 2,
      phase: 'starting',
    });
  });

  it('name a worker that does not answer a prepare', () => {
    const drive = new Drive();
    drive.gather();
    drive.promise(0);
    drive.promise(2);
    expect(failure(drive.pass(32_500, [0, 1, 2]))).toMatchObject({
      code: 'FT_WORKER_SILENT',
      message: expect.stringContaining('it did not answer a prepare within 30 s.') as string,
      rank: 1,
    });
  });

  it('name a worker that is stuck in a stage, not the ones that wait for it', () => {
    const drive = new Drive();
    drive.run();
    drive.say(0, { type: 'stage', stage: 'wait', round: 3 });
    drive.say(1, { type: 'stage', stage: 'wait', round: 3 });
    drive.say(2, { type: 'stage', stage: 'features', round: 3 });
    const effects = drive.pass(602_500, [0, 1, 2]);
    expect(givenUp(effects)).toMatchObject([
      { slot: 2, cause: expect.stringContaining('in stage features') as string },
    ]);
  });

  it('find it to be a bug when all members wait for each other', () => {
    const drive = new Drive();
    drive.run();
    for (const slot of [0, 1, 2]) drive.say(slot, { type: 'stage', stage: 'wait', round: 3 });
    drive.pass(32_500, [0, 1, 2]);
    expect(failure(drive.promiseAll([0, 1, 2]))).toMatchObject({
      code: 'FT_PROTOCOL_BROKEN',
      message: 'Workers 0, 1, 2 have waited for each other for 30 s after round 3.',
    });
  });

  it('let all members open a phase for longer than they may wait for each other', async () => {
    const run = smallRun({ phases: [smallPhase({ epochs: 1 }), smallPhase({ epochs: 1 })] });
    const { engine, features } = smallTrainer(run);
    let stage = 'idle';
    let isOpening!: () => void;
    const opening = new Promise<void>((resolve) => {
      isOpening = resolve;
    });
    const trainer = makeTrainer({
      ...run,
      timeline: {
        enter: (bucket) => {
          stage = bucket;
        },
      },
      open: (phase) => {
        if (phase === 0) return Promise.resolve({ engine, features });
        isOpening();
        return new Promise(() => undefined); // A slow disk.
      },
    });
    await trainAlone(run, trainer, 4);
    expect(trainer.next()).toMatchObject({ kind: 'phase', phase: 1 });
    void trainer.compute(trainer.next(), allShards(run), notAborted);
    await opening;

    const drive = new Drive();
    drive.run();
    for (const slot of [0, 1, 2]) drive.say(slot, { type: 'stage', stage, round: 4 });
    expect(failure(drive.pass(300_000, [0, 1, 2]))).toBeUndefined();
    expect(drive.last?.outcome).toBe('tick');
    // Who is done waits for the others, and they are still not to blame.
    drive.say(1, { type: 'stage', stage: 'wait', round: 4 });
    expect(failure(drive.pass(250_000, [0, 1, 2]))).toBeUndefined();
    expect(drive.last?.outcome).toBe('tick');
  });

  it('start anew after a pause of the coordinator itself', () => {
    const drive = new Drive();
    drive.run();
    drive.nowMs += 60_000;
    expect(drive.on({ type: 'tick' })).toEqual([]);
    expect(drive.last?.outcome).toBe('forgiven');
    expect(failure(drive.pass(10_000, []))).toBeUndefined();
    expect(givenUp(drive.pass(2500, []))).not.toEqual([]);
  });
});
