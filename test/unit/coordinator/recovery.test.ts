import { describe, expect, it } from 'vitest';
import type { MembershipEffect } from '../../../src/coordinator/membership-state.js';
import type { StateRef } from '../../../src/rpc/control-messages.js';
import type { Member } from '../../../src/rpc/generation.js';
import { Drive, failure, givenUp, reportOf, sent, start } from './support.js';

const ahead: StateRef = { round: 7, hash: 'seven' };
const behind: StateRef = { round: 6, hash: 'six' };
const lost = (incarnation: string) => ({ type: 'lost', incarnation, cause: 'it broke' }) as const;
const id = (number: number) => ({ term: 3, number });

/** Three workers in mid-run. */
function running(): Drive {
  const drive = new Drive();
  drive.run();
  for (const slot of [0, 1, 2]) drive.round(slot, 6);
  return drive;
}

/** Another worker in a slot says hello, and gets ready. */
function join(drive: Drive, slot: number, incarnation: string): readonly MembershipEffect[] {
  const from = { incarnation, address: `box:9${slot}` };
  drive.on({
    type: 'message',
    from: incarnation,
    message: {
      ...{ type: 'hello', slot, pid: 200 + slot, host: 'box', ...from },
      ...{ metricsAddress: '', fingerprint: '{"engine":"1.30"}', probe: 'p' },
    },
  });
  const message = { type: 'ready', state: start } as const;
  return drive.on({ type: 'message', from: incarnation, message });
}

function promise(drive: Drive, from: string, state: StateRef): readonly MembershipEffect[] {
  const generation = id(drive.state.lastNumber);
  return drive.on({ type: 'message', from, message: { type: 'prepared', generation, state } });
}

/** The members of the generation that is asked for. */
function asked(effects: readonly MembershipEffect[]): readonly Member[] | undefined {
  for (const effect of effects) {
    if (effect.type === 'send' && effect.message.type === 'prepare') {
      return effect.message.generation.members;
    }
  }
  return undefined;
}

function commitOf(effects: readonly MembershipEffect[]): object | undefined {
  const effect = effects.find((e) => e.type === 'send' && e.message.type === 'commit');
  return effect?.type === 'send' ? effect.message : undefined;
}

describe('a run that loses a worker', () => {
  it('asks those who are left for promises, and deals them all shards', () => {
    const drive = running();
    const effects = drive.on(lost('w1'));
    expect(sent(effects)).toEqual(['w1: abort', 'w0: prepare', 'w2: prepare']);
    expect(asked(effects)).toEqual([
      { incarnation: 'w0', rank: 0, address: 'box:0', firstShard: 0, numShards: 4 },
      { incarnation: 'w2', rank: 1, address: 'box:2', firstShard: 4, numShards: 4 },
    ]);
  });

  it.each([
    ['says nothing any more', (drive: Drive) => drive.pass(12_500, [0, 2])],
    [
      'says that it cannot go on',
      (drive: Drive) =>
        drive.say(1, {
          type: 'failed',
          error: { code: 'FT_DATA_CHANGED', message: 'A file is gone.', remedy: 'Look.' },
        }),
    ],
  ])('does the same about one that %s', (_, end) => {
    const drive = running();
    const effects = end(drive);
    expect(sent(effects)).toEqual(['w1: abort', 'w0: prepare', 'w2: prepare']);
    expect(givenUp(effects)).toMatchObject([{ slot: 1 }]);
    expect(drive.state.phase).toMatchObject({ name: 'preparing', purpose: 'change' });
  });

  it('goes on from the highest round that was promised, and says who has its state', () => {
    const drive = running();
    drive.on(lost('w1'));
    expect(promise(drive, 'w0', behind)).toEqual([]);
    expect(promise(drive, 'w2', ahead)).toEqual([
      expect.objectContaining({ type: 'record-generation', round: 7, reason: 'worker 1 was lost' }),
    ]);
    const effects = drive.on({ type: 'recorded', generation: id(2) });
    expect(sent(effects)).toEqual(['w0: commit', 'w2: commit']);
    expect(commitOf(effects)).toMatchObject({ state: ahead, holders: ['box:2'] });
  });

  it('asks anew, under the next number, when another one dies meanwhile', () => {
    const drive = running();
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    const effects = drive.on(lost('w0'));
    expect(sent(effects)).toEqual(['w0: abort', 'w2: prepare']);
    expect(asked(effects)).toMatchObject([{ incarnation: 'w2', firstShard: 0, numShards: 8 }]);
    expect(drive.state.lastNumber).toBe(3);
  });

  it('asks anew when another one does not answer', () => {
    const drive = running();
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    const effects = drive.pass(32_500, [0, 2]);
    expect(givenUp(effects)).toMatchObject([{ slot: 2 }]);
    expect(asked(effects)).toMatchObject([{ incarnation: 'w0', numShards: 8 }]);
  });

  it('takes a promise for the newest number alone', () => {
    const drive = running();
    drive.on(lost('w1'));
    drive.on(lost('w0'));
    expect(drive.promise(2, ahead, 2)).toEqual([]);
    expect(drive.last?.outcome).toBe('ignored');
    expect(drive.promise(2, ahead, 3)).toEqual([
      expect.objectContaining({ type: 'record-generation', round: 7 }),
    ]);
  });

  it('is no longer the one that needs all of its workers once its first commit is being written', () => {
    const drive = new Drive();
    drive.gather();
    drive.promiseAll([0, 1, 2]);
    expect(sent(drive.on(lost('w1')))).toEqual(['w1: abort']);
    const effects = drive.on({ type: 'recorded', generation: id(1) });
    expect(sent(effects)).toEqual(['w0: prepare', 'w2: prepare']);
  });

  it('tells nobody of a commit whose member died while it was written', () => {
    const drive = running();
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    promise(drive, 'w2', behind);
    expect(sent(drive.on(lost('w2')))).toEqual(['w2: abort']);
    const effects = drive.on({ type: 'recorded', generation: id(2) });
    expect(sent(effects)).toEqual(['w0: prepare']);
    expect(drive.state.committed?.id).toEqual(id(2));
  });

  it('fails where the members have different states at the highest round', () => {
    const drive = running();
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    expect(failure(promise(drive, 'w2', { round: 6, hash: 'other' }))).toMatchObject({
      code: 'FT_DIVERGED',
    });
  });

  it('holds a round that only the dead had reported to the same bits', () => {
    const drive = running();
    drive.round(1, 7);
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    promise(drive, 'w2', behind);
    drive.on({ type: 'recorded', generation: id(2) });
    expect(drive.round(0, 7, { generation: id(2) })).toEqual([]);
    expect(drive.last?.outcome).toBe('again');
    expect(failure(drive.round(2, 7, { generation: id(2), ledger: 'x' }))).toMatchObject({
      code: 'FT_DIVERGED',
    });
  });

  it('lets it die before the first round, as what ends one worker then ends the next one', () => {
    const drive = new Drive();
    drive.gather();
    expect(failure(drive.on(lost('w1')))).toMatchObject({ code: 'FT_WORKER_LOST', rank: 1 });
  });

  it('comes to the last round again when the only one with its state dies', () => {
    const drive = running();
    drive.say(1, { type: 'snapshot', kind: 'final', state: ahead, epoch: 0 });
    expect(drive.state.phase.name).toBe('storing');
    const effects = drive.on(lost('w1'));
    expect(sent(effects)).toEqual(['w1: abort', 'w0: prepare', 'w2: prepare']);
    expect(effects).toContainEqual({ type: 'give-up', kind: 'final', state: ahead });
    expect(drive.state.copies).toEqual([]);
  });
});

describe('a newcomer', () => {
  it('takes the place of the one who is gone, with a generation of its own', () => {
    const drive = running();
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    promise(drive, 'w2', behind);
    drive.on({ type: 'recorded', generation: id(2) });
    const effects = join(drive, 1, 'n1');
    expect(asked(effects)?.map(({ incarnation }) => incarnation)).toEqual(['w0', 'n1', 'w2']);
    promise(drive, 'w0', ahead);
    promise(drive, 'n1', start);
    promise(drive, 'w2', ahead);
    const commit = commitOf(drive.on({ type: 'recorded', generation: id(3) }));
    expect(commit).toMatchObject({ state: ahead, holders: ['box:0', 'box:2'] });
  });

  it('is told what the run is, and disturbs nobody until it is ready', () => {
    const drive = running();
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    promise(drive, 'w2', behind);
    drive.on({ type: 'recorded', generation: id(2) });
    expect(sent(drive.hello(1, { incarnation: 'n1' }))).toEqual(['n1: welcome']);
    expect(drive.state.phase.name).toBe('running');
  });

  it('that dies while it is being taken in is left out by another change', () => {
    const drive = running();
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    promise(drive, 'w2', behind);
    drive.on({ type: 'recorded', generation: id(2) });
    join(drive, 1, 'n1');
    const effects = drive.on(lost('n1'));
    expect(sent(effects)).toEqual(['n1: abort', 'w0: prepare', 'w2: prepare']);
    expect(drive.state.lastNumber).toBe(4);
  });

  it('that is ready while another change is being made comes in by the next one', () => {
    const drive = running();
    drive.on(lost('w1'));
    expect(sent(join(drive, 1, 'n1'))).toEqual([]);
    promise(drive, 'w0', behind);
    promise(drive, 'w2', behind);
    const effects = drive.on({ type: 'recorded', generation: id(2) });
    expect(sent(effects)).toEqual(['w0: prepare', 'n1: prepare', 'w2: prepare']);
  });

  it('that dies before it is a member disturbs nobody', () => {
    const drive = running();
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    promise(drive, 'w2', behind);
    drive.on({ type: 'recorded', generation: id(2) });
    drive.hello(1, { incarnation: 'n1' });
    expect(sent(drive.on(lost('n1')))).toEqual(['n1: abort']);
    expect(drive.state.phase.name).toBe('running');
  });

  it('has no place while the slot is taken', () => {
    const drive = running();
    drive.hello(1, { incarnation: 'n1' });
    expect(drive.last?.reason).toContain('Slot 1 is taken by another worker.');
  });

  it('whose numbers would differ is sent away, and the run goes on', () => {
    const drive = running();
    drive.on(lost('w1'));
    const effects = drive.hello(1, { incarnation: 'n1', probe: 'q' });
    expect(failure(effects)).toBeUndefined();
    expect(effects[0]).toMatchObject({
      message: { type: 'abort', error: { code: 'FT_FINGERPRINT_MISMATCH' } },
    });
    expect(drive.state.workers.has('n1')).toBe(false);
  });

  it('is released at once when the run is being stopped', () => {
    const drive = running();
    drive.on(lost('w1'));
    drive.on({ type: 'stop', mode: 'graceful' });
    expect(sent(drive.hello(1, { incarnation: 'n1' }))).toEqual(['n1: release']);
    drive.promiseAll([0, 2], behind);
    expect(drive.state.phase).toMatchObject({ name: 'storing', why: 'stopped' });
    expect(sent(drive.hello(1, { incarnation: 'n2' }))).toEqual(['n2: release']);
  });

  it('is taken in where the run is finished, as the last state may be lost yet', () => {
    const drive = running();
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    promise(drive, 'w2', behind);
    drive.on({ type: 'recorded', generation: id(2) });
    drive.say(2, { type: 'snapshot', kind: 'final', state: ahead, epoch: 0 });
    expect(sent(join(drive, 1, 'n1'))).toEqual([]);
    const effects = drive.on(lost('w2'));
    expect(asked(effects)?.map(({ incarnation }) => incarnation)).toEqual(['w0', 'n1']);
  });
});

describe('a run that nobody is left of', () => {
  const checkpoint: StateRef = { round: 5, hash: 'five' };

  /** All are dead, and a checkpoint of round 5 is on disk. */
  function deserted(): Drive {
    const drive = running();
    drive.say(0, { type: 'snapshot', kind: 'checkpoint', state: checkpoint, epoch: 0 });
    drive.on({ type: 'stored', kind: 'checkpoint', state: checkpoint, path: 'C' });
    for (const slot of [0, 1, 2]) drive.on(lost(`w${slot}`));
    return drive;
  }

  it('waits for others, and goes on from the newest checkpoint, which the coordinator has', () => {
    const drive = deserted();
    expect(drive.state.phase.name).toBe('gathering');
    const effects = join(drive, 2, 'n2');
    expect(sent(effects)).toEqual(['n2: prepare']);
    expect(promise(drive, 'n2', start)).toEqual([
      expect.objectContaining({ type: 'record-generation', round: 5 }),
    ]);
    const commit = commitOf(drive.on({ type: 'recorded', generation: id(drive.state.lastNumber) }));
    expect(commit).toMatchObject({ state: checkpoint, holders: [] });
  });

  it('waits for those who are on the way', () => {
    const drive = deserted();
    drive.hello(1, { incarnation: 'n1' });
    expect(sent(join(drive, 2, 'n2'))).toEqual([]);
    const message = { type: 'ready', state: start } as const;
    const effects = drive.on({ type: 'message', from: 'n1', message });
    expect(sent(effects)).toEqual(['n1: prepare', 'n2: prepare']);
  });

  it('waits no longer for one that dies on the way', () => {
    const drive = deserted();
    drive.hello(1, { incarnation: 'n1' });
    join(drive, 2, 'n2');
    expect(sent(drive.on(lost('n1')))).toEqual(['n1: abort', 'n2: prepare']);
  });

  it('ends where nobody comes, but not where one needs long to start', () => {
    const drive = deserted();
    drive.pass(120_000, []);
    expect(failure(drive.pass(2500, []))).toMatchObject({ code: 'FT_WORKER_SILENT', rank: 0 });

    const slow = deserted();
    slow.hello(1, { incarnation: 'n1' });
    for (let waitedMs = 0; waitedMs < 300_000; waitedMs += 2500) {
      slow.on({
        type: 'message',
        from: 'n1',
        message: { type: 'stage', stage: 'load', round: 0 },
      });
      expect(slow.pass(2500, [])).toEqual([]);
    }
  });

  it('takes nobody whose numbers would differ from those of the dead', () => {
    const drive = deserted();
    const effects = drive.hello(2, { incarnation: 'n2', probe: 'q' });
    expect(effects[0]).toMatchObject({
      message: {
        type: 'abort',
        error: {
          code: 'FT_FINGERPRINT_MISMATCH',
          message: expect.stringContaining(
            'Worker 2 and the one before it in its slot differ in the numeric probe',
          ) as string,
        },
      },
    });
    expect(drive.state.phase.name).toBe('gathering');
  });

  it('holds the rounds that are done again to the bits that they had', () => {
    const drive = deserted();
    join(drive, 2, 'n2');
    promise(drive, 'n2', start);
    const generation = id(drive.state.lastNumber);
    drive.on({ type: 'recorded', generation });
    const say = (ledger: string): readonly MembershipEffect[] =>
      drive.on({
        type: 'message',
        from: 'n2',
        message: { type: 'round', report: reportOf(6, { generation, ledger }) },
      });
    expect(say('ledger 6')).toEqual([]);
    expect(failure(say('other'))).toMatchObject({ code: 'FT_DIVERGED' });
  });

  it('is stopped where the checkpoint is, when that is asked for', () => {
    expect(deserted().on({ type: 'stop', mode: 'graceful' }).at(-1)).toEqual({
      type: 'end',
      end: {
        status: 'stopped',
        final: { kind: 'checkpoint', state: checkpoint, path: 'C' },
      },
    });
  });
});

describe('a state that members cannot get', () => {
  const error = { code: 'FT_STATE_NOT_GIVEN', message: 'Not given.', remedy: 'Look.' } as const;

  /** A generation goes on from the state that w2 alone has. */
  function catchingUp(): Drive {
    const drive = running();
    drive.on(lost('w1'));
    promise(drive, 'w0', behind);
    promise(drive, 'w2', ahead);
    drive.on({ type: 'recorded', generation: id(2) });
    return drive;
  }

  it('is the fault of who asks, the first time', () => {
    const effects = catchingUp().say(0, { type: 'failed', error });
    expect(givenUp(effects)).toMatchObject([{ slot: 0 }]);
    expect(sent(effects)).toEqual(['w0: abort', 'w2: prepare']);
  });

  it('is the fault of those who have it, the second time without a round in between', () => {
    const drive = catchingUp();
    drive.say(0, { type: 'failed', error });
    promise(drive, 'w2', ahead);
    drive.on({ type: 'recorded', generation: id(3) });
    join(drive, 0, 'n0');
    promise(drive, 'w2', ahead);
    promise(drive, 'n0', start);
    drive.on({ type: 'recorded', generation: id(4) });
    const effects = drive.on({ type: 'message', from: 'n0', message: { type: 'failed', error } });
    expect(givenUp(effects).map(({ slot }) => slot)).toEqual([0, 2]);
  });

  it('is forgotten once a round has been done', () => {
    const drive = catchingUp();
    drive.say(0, { type: 'failed', error });
    expect(drive.state.numNotGiven).toBe(1);
    promise(drive, 'w2', ahead);
    drive.on({ type: 'recorded', generation: id(3) });
    drive.round(2, 8, { generation: id(3) });
    expect(drive.state.numNotGiven).toBe(0);
  });
});
