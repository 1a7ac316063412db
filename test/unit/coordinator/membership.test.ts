import { describe, expect, it } from 'vitest';
import { Drive, failure, givenUp, options, sent, start } from './support.js';

describe('the start of a run', () => {
  it('welcomes each worker with the bundle and the state to start from', () => {
    const drive = new Drive({ resume: { state: { round: 40, hash: 'h' }, epoch: 2 } });
    expect(drive.hello(1)).toEqual([
      { type: 'joined', hello: expect.objectContaining({ slot: 1 }) as object },
      {
        type: 'send',
        to: 'w1',
        message: {
          type: 'welcome',
          term: 3,
          bundle: 'bundle',
          resume: { round: 40, hash: 'h' },
          toleranceMs: 10_000,
        },
      },
    ]);
  });

  it('prepares once all are ready, ordered by slot, whoever came first', () => {
    const drive = new Drive();
    const effects = drive.gather();
    expect(sent(effects)).toEqual(['w0: prepare', 'w1: prepare', 'w2: prepare']);
    expect(effects[0]).toEqual({
      type: 'send',
      to: 'w0',
      message: {
        type: 'prepare',
        purpose: 'start',
        generation: {
          id: { term: 3, number: 1 },
          numShards: 8,
          twoHopFromElements: 1000,
          members: [
            { incarnation: 'w0', rank: 0, address: 'box:0', firstShard: 0, numShards: 3 },
            { incarnation: 'w1', rank: 1, address: 'box:1', firstShard: 3, numShards: 3 },
            { incarnation: 'w2', rank: 2, address: 'box:2', firstShard: 6, numShards: 2 },
          ],
        },
      },
    });
  });

  it('sends the commit only after it is durable', () => {
    const drive = new Drive();
    drive.gather();
    expect(drive.promise(0)).toEqual([]);
    expect(drive.promise(1)).toEqual([]);
    expect(drive.promise(2)).toEqual([
      expect.objectContaining({ type: 'record-generation', round: 0 }),
    ]);
    const effects = drive.on({ type: 'recorded', generation: { term: 3, number: 1 } });
    expect(sent(effects)).toEqual(['w0: commit', 'w1: commit', 'w2: commit']);
  });

  it('does not count a promise for another generation', () => {
    const drive = new Drive();
    drive.gather();
    drive.promise(0);
    drive.promise(1);
    expect(drive.promise(2, start, 2)).toEqual([]);
    expect(drive.last?.outcome).toBe('ignored');
  });

  it('fails when two workers would start from different states', () => {
    const drive = new Drive();
    drive.gather();
    drive.promise(0);
    drive.promise(1, { round: 0, hash: 'other' });
    expect(failure(drive.promise(2))).toMatchObject({
      code: 'FT_DIVERGED',
      message:
        'States at round 0 differ: worker 0 and worker 2 start, worker 1 other. At one round there is one state, whoever made it.',
    });
  });

  it('fails when all workers restored another state than the checkpoint', () => {
    const drive = new Drive({ count: 1, resume: { state: { round: 0, hash: 'disk' }, epoch: 0 } });
    drive.gather();
    expect(failure(drive.promise(0))).toMatchObject({
      code: 'FT_DIVERGED',
      message:
        'States at round 0 differ: the checkpoint disk, worker 0 start. At one round there is one state, whoever made it.',
    });
  });

  it('refuses a mixed fleet and names the difference and the ranks', () => {
    const drive = new Drive();
    drive.hello(0);
    const effects = drive.hello(2, { fingerprint: '{"engine":"1.31"}' });
    expect(failure(effects)).toMatchObject({
      code: 'FT_FINGERPRINT_MISMATCH',
      message:
        'Workers 0 and 2 differ in engine: "1.30" and "1.31". The bits of the result would depend on which worker computes what.',
      rank: 2,
      phase: 'starting',
    });
    expect(sent(effects)).toEqual(['w0: abort', 'w2: abort']);
  });

  it('refuses workers whose numbers differ though their software is the same', () => {
    const drive = new Drive();
    drive.hello(0);
    expect(failure(drive.hello(1, { probe: 'q' }))).toMatchObject({
      code: 'FT_FINGERPRINT_MISMATCH',
      message: expect.stringContaining('the numeric probe (same software, other bits)') as string,
    });
  });

  it.each([
    [{ slot: 3, incarnation: 'x' }, 'The run has 3 workers: slots are 0 to 2.'],
    [{ slot: 0, incarnation: 'x' }, 'Slot 0 is taken by another worker.'],
    [{ slot: 1, incarnation: 'w0' }, 'A worker with this incarnation is there already.'],
  ])('sends away a worker with no place (%j), and goes on', (change, why) => {
    const drive = new Drive();
    drive.hello(0);
    const effects = drive.hello(0, change);
    expect(effects[0]).toMatchObject({
      message: {
        type: 'abort',
        error: {
          code: 'FT_WORKER_NOT_ADMITTED',
          message: `The coordinator has no place for a worker in slot ${change.slot}. ${why}`,
        },
      },
    });
    expect(drive.state.phase.name).toBe('gathering');
  });
});

describe('rounds', () => {
  it('records a round at its first delivery alone', () => {
    const drive = new Drive();
    drive.run();
    expect(drive.round(1, 1).map(({ type }) => type)).toEqual(['record-round']);
    expect(drive.round(0, 1)).toEqual([]);
    expect(drive.round(2, 1)).toEqual([]);
    expect(drive.state.ledger.last?.round).toBe(1);
  });

  it('ends a run in which two workers have different bits, and names round and ranks', () => {
    const drive = new Drive();
    drive.run();
    drive.round(0, 7);
    drive.round(2, 7);
    expect(failure(drive.round(1, 7, { ledger: 'other' }))).toMatchObject({
      code: 'FT_DIVERGED',
      message:
        'Workers 0 and 1 and 2 have different bits in round 7. The sum of a round has the same bits on every worker, whoever computes what.',
      phase: 'reduce',
      details: { round: 7, ranks: [0, 1, 2] },
    });
  });

  it('ends a run that does a round again with other bits', () => {
    const drive = new Drive({ earlierLedger: new Map([[2, 'ledger of yesterday']]) });
    drive.run();
    drive.round(0, 1);
    expect(failure(drive.round(0, 2))).toMatchObject({
      code: 'FT_DIVERGED',
      message: expect.stringContaining(
        'Round 2 on worker 0 has other bits than the journal says this run had before.',
      ) as string,
      rank: 0,
    });
  });

  it('ignores reports of another generation', () => {
    const drive = new Drive();
    drive.run();
    expect(drive.round(0, 1, { generation: { term: 2, number: 1 } })).toEqual([]);
    expect(drive.last?.outcome).toBe('ignored');
  });
});

describe('the end of a finished run', () => {
  const final = {
    type: 'snapshot',
    kind: 'final',
    state: { round: 9, hash: 'f' },
    epoch: 1,
  } as const;
  const best = { ...final, kind: 'best', state: { round: 4, hash: 'b' } } as const;

  it('releases everyone after all states are stored and all members agree on the last one', () => {
    const drive = new Drive();
    drive.run();
    expect(drive.say(0, best)).toEqual([
      { type: 'store', kind: 'best', state: best.state, epoch: 1, holder: 'w0' },
    ]);
    drive.say(1, best);
    expect(drive.say(0, final).map(({ type }) => type)).toEqual(['store']);
    drive.say(1, final);
    const acknowledged = drive.on({ type: 'stored', kind: 'final', state: final.state, path: 'F' });
    expect(sent(acknowledged)).toEqual(['w0: acknowledge', 'w1: acknowledge']);
    drive.on({ type: 'stored', kind: 'best', state: best.state, path: 'B' });
    expect(drive.state.phase.name).toBe('storing');
    const effects = drive.say(2, final);
    expect(sent(effects)).toEqual(['w2: acknowledge', 'w0: release', 'w1: release', 'w2: release']);
    expect(effects.at(-1)).toEqual({
      type: 'end',
      end: { status: 'finished', final: { kind: 'final', state: final.state, path: 'F' } },
    });
  });

  it('fails when two workers announce different final states', () => {
    const drive = new Drive();
    drive.run();
    drive.say(0, final);
    expect(failure(drive.say(1, { ...final, state: { round: 9, hash: 'g' } }))).toMatchObject({
      code: 'FT_DIVERGED',
      message: expect.stringContaining(
        'States at round 9 differ: worker 0 f, worker 1 g.',
      ) as string,
    });
  });

  it('asks another holder when the first one is gone, and finishes without it', () => {
    const drive = new Drive();
    drive.run();
    drive.say(0, final);
    drive.say(1, final);
    const effects = drive.on({ type: 'lost', incarnation: 'w0', cause: 'it broke' });
    expect(effects).toContainEqual({
      type: 'store',
      ...{ kind: 'final', state: final.state, epoch: 1, holder: 'w1' },
    });
    const end = drive.on({ type: 'stored', kind: 'final', state: final.state, path: 'F' }).at(-1);
    expect(end).toMatchObject({ end: { status: 'finished' } });
  });

  it('fails at once on a full disk, with that error', () => {
    const drive = new Drive();
    drive.run();
    drive.say(0, best);
    const error = { code: 'FT_DISK_FULL', message: 'No space.', remedy: 'Free some.' } as const;
    const effects = drive.on({
      type: 'not-stored',
      ...{ kind: 'best', state: best.state, holder: 'w0', error },
    });
    expect(failure(effects)).toEqual(error);
  });

  it('waits for the cause when the only holder cannot give a state, then does without the holder', () => {
    const drive = new Drive({ count: 2 });
    drive.run();
    drive.say(0, final);
    const error = { code: 'FT_CALL_FAILED', message: 'Refused.', remedy: 'Look.' } as const;
    const failed = { kind: 'final', state: final.state, holder: 'w0', error } as const;
    expect(drive.on({ type: 'not-stored', ...failed })).toEqual([]);
    const effects = drive.pass(15_000, [0, 1]);
    expect(givenUp(effects)).toEqual([{ slot: 0, cause: 'Refused.' }]);
    expect(sent(effects)).toEqual(['w0: abort', 'w1: prepare']);
  });
});

describe('a stop', () => {
  it('promises a new generation and stores the state of the highest round', () => {
    const drive = new Drive();
    drive.run();
    for (const slot of [0, 1, 2]) drive.round(slot, 1, { epoch: 4 });
    const prepare = drive.on({ type: 'stop', mode: 'graceful' });
    expect(prepare[0]).toMatchObject({
      message: { type: 'prepare', purpose: 'stop', generation: { id: { term: 3, number: 2 } } },
    });
    drive.promise(0, { round: 1, hash: 'one' }, 2);
    drive.promise(1, { round: 2, hash: 'two' }, 2);
    const state = { round: 2, hash: 'two' };
    expect(drive.promise(2, state, 2)).toEqual([
      { type: 'store', kind: 'checkpoint', state, epoch: 4, holder: 'w1' },
    ]);
    const effects = drive.on({ type: 'stored', kind: 'checkpoint', state, path: 'C' });
    expect(sent(effects)).toEqual([
      'w1: acknowledge',
      'w2: acknowledge',
      'w0: release',
      'w1: release',
      'w2: release',
    ]);
    expect(effects.at(-1)).toEqual({
      type: 'end',
      end: { status: 'stopped', final: { kind: 'checkpoint', state, path: 'C' } },
    });
  });

  it('finds the run finished where one has got to its end, and waits for nobody who has not', () => {
    const drive = new Drive();
    drive.run();
    const state = { round: 9, hash: 'f' };
    drive.on({ type: 'stop', mode: 'graceful' });
    drive.promise(1, { round: 8, hash: 'e' }, 2);
    drive.say(0, { type: 'snapshot', kind: 'final', state, epoch: 1 });
    drive.on({ type: 'stored', kind: 'final', state, path: 'F' });
    drive.promise(0, state, 2);
    expect(drive.promise(2, { round: 8, hash: 'e' }, 2).at(-1)).toEqual({
      type: 'end',
      end: { status: 'finished', final: { kind: 'final', state, path: 'F' } },
    });
  });

  it('asks again when the only one with the last state dies before it is stored', () => {
    const drive = new Drive();
    drive.run();
    const [ahead, behind] = [
      { round: 9, hash: 'f' },
      { round: 8, hash: 'e' },
    ];
    drive.on({ type: 'stop', mode: 'graceful' });
    drive.say(0, { type: 'snapshot', kind: 'final', state: ahead, epoch: 1 });
    drive.promise(0, ahead, 2);
    drive.promise(1, behind, 2);
    drive.promise(2, behind, 2);
    const effects = drive.on({ type: 'lost', incarnation: 'w0', cause: 'it broke' });
    expect(sent(effects)).toEqual(['w0: abort', 'w1: prepare', 'w2: prepare']);
    expect(drive.promiseAll([1, 2], behind)).toEqual([
      { type: 'store', kind: 'checkpoint', state: behind, epoch: 0, holder: 'w1' },
    ]);
    const end = drive.on({ type: 'stored', kind: 'checkpoint', state: behind, path: 'C' }).at(-1);
    expect(end).toMatchObject({ end: { status: 'stopped', final: { state: behind } } });
  });

  it('fails when the state of the highest round differs from one that was announced', () => {
    const drive = new Drive();
    drive.run();
    drive.say(0, { type: 'snapshot', kind: 'best', state: { round: 4, hash: 'b' }, epoch: 0 });
    drive.on({ type: 'stop', mode: 'graceful' });
    drive.promise(0, { round: 3, hash: 'a' }, 2);
    drive.promise(1, { round: 3, hash: 'a' }, 2);
    expect(failure(drive.promise(2, { round: 4, hash: 'c' }, 2))).toMatchObject({
      code: 'FT_DIVERGED',
      message: expect.stringContaining(
        'States at round 4 differ: worker 0 b, worker 2 c.',
      ) as string,
    });
  });

  it('ends at once, with no state, before the first round', () => {
    const drive = new Drive();
    drive.hello(0);
    const effects = drive.on({ type: 'stop', mode: 'graceful' });
    expect(effects.at(-1)).toEqual({ type: 'end', end: { status: 'stopped', final: null } });
  });

  it('goes on without a worker that dies meanwhile', () => {
    const drive = new Drive();
    drive.run();
    drive.on({ type: 'stop', mode: 'graceful' });
    drive.promise(0, { round: 1, hash: 'a' }, 2);
    drive.promise(1, { round: 1, hash: 'a' }, 2);
    const effects = drive.on({ type: 'lost', incarnation: 'w2', cause: 'it broke' });
    expect(effects).toContainEqual(expect.objectContaining({ type: 'store', holder: 'w0' }));
  });
});

it('ignores everything after the end', () => {
  const drive = new Drive();
  drive.on({ type: 'stop', mode: 'now' });
  expect(drive.hello(0)).toEqual([]);
  expect(drive.on({ type: 'tick' })).toEqual([]);
  expect(options.count).toBe(3);
});
