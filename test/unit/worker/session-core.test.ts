import { describe, expect, it } from 'vitest';
import type { PreparePurpose, StateRef } from '../../../src/rpc/control-messages.js';
import type { Generation, GenerationId } from '../../../src/rpc/generation.js';
import {
  decide,
  initialSession,
  type SessionDecision,
  type SessionEffect,
  type SessionEvent,
} from '../../../src/worker/session-core.js';

function generationOf(number: number, term = 1, members = ['me', 'you']): Generation {
  return {
    id: { term, number },
    numShards: 4,
    twoHopFromElements: 1000,
    members: members.map((incarnation, rank) => ({
      ...{ incarnation, rank, address: `host:${rank}`, firstShard: 2 * rank, numShards: 2 },
    })),
  };
}

const at = { round: 5, hash: 'h' };

/** A session that is fed by hand. */
class Drive {
  state = initialSession('me');
  last: SessionDecision | undefined;

  on(event: SessionEvent): readonly SessionEffect[] {
    this.last = decide(this.state, event);
    this.state = this.last.state;
    return this.last.effects;
  }

  prepare(generation: Generation, purpose: PreparePurpose = 'start'): readonly SessionEffect[] {
    return this.on({ type: 'message', message: { type: 'prepare', generation, purpose } });
  }

  commit(generation: Generation, state: StateRef = at): readonly SessionEffect[] {
    const message = { type: 'commit', generation, state, holders: ['host:1'] } as const;
    return this.on({ type: 'message', message });
  }

  ready(): void {
    const message = {
      type: 'welcome',
      term: 1,
      bundle: 'b',
      resume: at,
      toleranceMs: 100,
    } as const;
    this.on({ type: 'message', message });
    this.on({ type: 'built', state: at });
  }

  promise(generation: Generation): readonly SessionEffect[] {
    this.prepare(generation);
    this.on({ type: 'loop-left', generation: generation.id, state: at });
    return this.on({ type: 'streams-open', generation: generation.id });
  }

  run(): void {
    this.ready();
    this.promise(generationOf(1));
    this.commit(generationOf(1));
  }
}

function prepared(id: GenerationId): SessionEffect {
  return { type: 'send', message: { type: 'prepared', generation: id, state: at } };
}

describe('a promise', () => {
  it('is given after the loop has left and the streams are open', () => {
    const drive = new Drive();
    drive.ready();
    const one = generationOf(1);
    expect(drive.prepare(one)).toEqual([{ type: 'leave-loop', generation: one.id }]);
    expect(drive.on({ type: 'loop-left', generation: one.id, state: at })).toEqual([
      { type: 'open-streams', generation: one },
    ]);
    expect(drive.on({ type: 'streams-open', generation: one.id })).toEqual([prepared(one.id)]);
  });

  it('needs no streams for a stop, under which no round is run', () => {
    const drive = new Drive();
    drive.run();
    const two = generationOf(2);
    expect(drive.prepare(two, 'stop')).toEqual([{ type: 'leave-loop', generation: two.id }]);
    expect(drive.on({ type: 'loop-left', generation: two.id, state: at })).toEqual([
      prepared(two.id),
    ]);
  });

  it('is given to the newest generation alone', () => {
    const drive = new Drive();
    drive.ready();
    drive.prepare(generationOf(1));
    drive.prepare(generationOf(2));
    expect(drive.on({ type: 'loop-left', generation: { term: 1, number: 1 }, state: at })).toEqual(
      [],
    );
    expect(drive.prepare(generationOf(1))).toEqual([]);
    expect(drive.prepare(generationOf(2))).toEqual([]);
  });

  it('is never given to an older term', () => {
    const drive = new Drive();
    drive.ready();
    drive.promise(generationOf(1, 3));
    expect(drive.prepare(generationOf(9, 2))).toEqual([]);
    expect(drive.last?.reason).toBe('Generation 2.9 is of an old term.');
  });

  it('is not given to a generation that the worker is no member of', () => {
    const drive = new Drive();
    drive.ready();
    expect(drive.prepare(generationOf(1, 1, ['you', 'they']))).toEqual([]);
  });
});

describe('a change of members', () => {
  it('takes a worker that has not been a member yet', () => {
    const drive = new Drive();
    drive.ready();
    const one = generationOf(4);
    expect(drive.prepare(one, 'change')).toEqual([{ type: 'leave-loop', generation: one.id }]);
  });

  it('interrupts the rounds, and one that is finished too', () => {
    const drive = new Drive();
    drive.run();
    const two = generationOf(2);
    expect(drive.prepare(two, 'change')).toEqual([{ type: 'leave-loop', generation: two.id }]);

    const done = new Drive();
    done.run();
    done.on({ type: 'finished' });
    expect(done.prepare(two, 'change')).toEqual([{ type: 'leave-loop', generation: two.id }]);
  });

  it('lets a lost peer be reported while the state is being fetched', () => {
    const drive = new Drive();
    drive.ready();
    const one = generationOf(1);
    drive.promise(one);
    drive.commit(one, { round: 6, hash: 'i' });
    expect(drive.on({ type: 'peer-lost', peer: 'you', cause: 'refused' })).toEqual([
      {
        type: 'send',
        message: { type: 'peer-lost', generation: one.id, peer: 'you', cause: 'refused' },
      },
    ]);
  });
});

describe('a commit', () => {
  it('starts the rounds of the very generation that was promised', () => {
    const drive = new Drive();
    drive.ready();
    drive.promise(generationOf(2));
    expect(drive.commit(generationOf(1))).toEqual([]);
    expect(drive.commit(generationOf(3))).toEqual([]);
    expect(drive.commit(generationOf(2))).toEqual([
      { type: 'run-rounds', generation: generationOf(2) },
    ]);
  });

  it.each([
    ['of a later round', { round: 6, hash: 'i' }],
    ['of another hash', { round: 5, hash: 'other' }],
  ])('makes a worker catch up that has not the state %s', (_, state) => {
    const drive = new Drive();
    drive.ready();
    const one = generationOf(1);
    drive.promise(one);
    expect(drive.commit(one, state)).toEqual([
      { type: 'catch-up', generation: one, state, holders: ['host:1'] },
    ]);
    expect(drive.on({ type: 'caught-up', generation: one.id })).toEqual([
      { type: 'run-rounds', generation: one },
    ]);
  });

  it('is past where another prepare comes while the state is being fetched', () => {
    const drive = new Drive();
    drive.ready();
    const [one, two] = [generationOf(1), generationOf(2)];
    drive.promise(one);
    drive.commit(one, { round: 6, hash: 'i' });
    expect(drive.prepare(two, 'change')).toEqual([{ type: 'leave-loop', generation: two.id }]);
    expect(drive.on({ type: 'caught-up', generation: one.id })).toEqual([]);
    expect(drive.last?.outcome).toBe('ignored');
    expect(drive.on({ type: 'loop-left', generation: two.id, state: at })).toEqual([
      { type: 'open-streams', generation: two },
    ]);
  });
});

describe('a lost peer', () => {
  it('is reported once in a generation, and decides nothing', () => {
    const drive = new Drive();
    drive.run();
    const lost = { type: 'peer-lost', peer: 'you', cause: 'reset' } as const;
    expect(drive.on(lost)).toEqual([
      {
        type: 'send',
        message: {
          type: 'peer-lost',
          generation: { term: 1, number: 1 },
          peer: 'you',
          cause: 'reset',
        },
      },
    ]);
    expect(drive.on(lost)).toEqual([]);
    expect(drive.state.life.name).toBe('running');
  });

  it('that is no member is not reported', () => {
    const drive = new Drive();
    drive.run();
    expect(drive.on({ type: 'peer-lost', peer: 'they', cause: 'x' })).toEqual([]);
  });

  it('that cannot be reached leaves the coordinator the time to say why', () => {
    const drive = new Drive();
    drive.ready();
    const { id } = generationOf(1);
    drive.prepare(generationOf(1));
    drive.on({ type: 'loop-left', generation: id, state: at });
    const error = { code: 'FT_PEER_UNREACHABLE', message: 'No.', remedy: 'Look.' } as const;
    expect(drive.on({ type: 'streams-failed', generation: id, error })).toEqual([
      { type: 'fail-later', generation: id, error },
    ]);
    expect(drive.on({ type: 'still-failed', generation: id, error })).toEqual([
      { type: 'send', message: { type: 'failed', error } },
      { type: 'end', error },
    ]);
  });

  it('that could not be reached is forgotten once the coordinator has made another generation', () => {
    const drive = new Drive();
    drive.ready();
    const { id } = generationOf(1);
    drive.prepare(generationOf(1));
    drive.on({ type: 'loop-left', generation: id, state: at });
    const error = { code: 'FT_PEER_UNREACHABLE', message: 'No.', remedy: 'Look.' } as const;
    drive.on({ type: 'streams-failed', generation: id, error });
    drive.promise(generationOf(2));
    drive.commit(generationOf(2));
    expect(drive.on({ type: 'still-failed', generation: id, error })).toEqual([]);
    expect(drive.state.life.name).toBe('running');
  });
});

describe('the end', () => {
  it('comes with a release, in good order', () => {
    const drive = new Drive();
    drive.run();
    drive.on({ type: 'finished' });
    expect(drive.state.life.name).toBe('finished');
    expect(
      drive.on({ type: 'message', message: { type: 'release', reason: 'Finished.' } }),
    ).toEqual([{ type: 'end', error: null }]);
    expect(drive.on({ type: 'coordinator-lost', cause: 'reset' })).toEqual([]);
  });

  it('comes with the error of the run on an abort', () => {
    const drive = new Drive();
    const error = { code: 'FT_WORKER_LOST', message: 'Gone.', remedy: 'Look.', rank: 2 } as const;
    expect(drive.on({ type: 'message', message: { type: 'abort', error } })).toEqual([
      { type: 'end', error },
    ]);
  });

  it('comes with the loss of the coordinator', () => {
    const drive = new Drive();
    drive.run();
    expect(drive.on({ type: 'coordinator-lost', cause: 'it was killed.' })[0]).toMatchObject({
      type: 'end',
      error: {
        code: 'FT_COORDINATOR_LOST',
        message: 'The connection to the coordinator broke: it was killed.',
      },
    });
  });

  it('comes with the own trouble, which is told first', () => {
    const drive = new Drive();
    drive.run();
    const error = { code: 'FT_DATA_CHANGED', message: 'Gone.', remedy: 'Look.' } as const;
    expect(drive.on({ type: 'trouble', error })).toEqual([
      { type: 'send', message: { type: 'failed', error } },
      { type: 'end', error },
    ]);
    expect(drive.on({ type: 'trouble', error })).toEqual([]);
  });
});
