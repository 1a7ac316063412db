import { describe, expect, it } from 'vitest';
import type { MembershipEffect } from '../../../src/coordinator/membership-state.js';
import { Drive, failure, sent } from './support.js';

const ahead = { round: 7, hash: 'seven' };
const behind = { round: 6, hash: 'six' };
const lost = (slot: number) =>
  ({ type: 'lost', incarnation: `w${slot}`, cause: 'it broke' }) as const;
const refused = { code: 'FT_CALL_FAILED', message: 'Refused.', remedy: 'Look.' } as const;

/** Three workers that wait for each other for ever, which is a bug; the last of them dies as the others are asked for their states. */
function dying(): Drive {
  const drive = new Drive();
  drive.run();
  for (const slot of [0, 1, 2]) drive.round(slot, 6, { epoch: 1 });
  drive.round(1, 7, { epoch: 1 });
  waitForEver(drive);
  drive.on(lost(2));
  return drive;
}

function waitForEver(drive: Drive): readonly MembershipEffect[] {
  for (const slot of [0, 1, 2]) {
    const { round } = drive.state.workers.get(`w${slot}`)!;
    drive.say(slot, { type: 'stage', stage: 'wait', round });
  }
  return drive.pass(32_500, [0, 1, 2]);
}

describe('a run that cannot go on between two checkpoints', () => {
  it('stores the state of the highest round of those who are left, then ends with the error', () => {
    const drive = dying();
    expect(drive.promise(0, behind, 2)).toEqual([]);
    expect(drive.promise(1, ahead, 2)).toEqual([
      { type: 'store', kind: 'checkpoint', state: ahead, epoch: 1, holder: 'w1' },
    ]);
    const end = drive.on({ type: 'stored', kind: 'checkpoint', state: ahead, path: 'C' });
    expect(sent(end)).toEqual(['w1: acknowledge', 'w0: abort', 'w1: abort']);
    expect(failure(end)).toMatchObject({ code: 'FT_PROTOCOL_BROKEN' });
  });

  it('asks for its deadlines, once', () => {
    const drive = new Drive();
    drive.run();
    const looks = (effects: readonly { type: string }[]): unknown[] =>
      effects.filter(({ type }) => type === 'look-again');
    expect(looks(waitForEver(drive))).toEqual([
      { type: 'look-again', inMs: 2000 },
      { type: 'look-again', inMs: 4000 },
    ]);
    expect(looks(drive.on(lost(1)))).toEqual([]);
  });

  it('goes on with those who have promised after half of the time', () => {
    const drive = dying();
    drive.promise(0, behind, 2);
    drive.nowMs += 1999;
    expect(drive.on({ type: 'tick' })).toEqual([]);
    drive.nowMs += 1;
    expect(drive.on({ type: 'tick' })).toEqual([
      { type: 'store', kind: 'checkpoint', state: behind, epoch: 1, holder: 'w0' },
    ]);
    expect(drive.promise(1, ahead, 2)).toEqual([]);
    const end = drive.on({ type: 'stored', kind: 'checkpoint', state: behind, path: 'C' });
    expect(failure(end)).toMatchObject({ code: 'FT_PROTOCOL_BROKEN' });
  });

  it.each([
    { missing: 'promise', slots: [] },
    { missing: 'write', slots: [0, 1] },
  ])('ends at its deadline where a $missing is missing', ({ slots }) => {
    const drive = dying();
    drive.promiseAll(slots, behind);
    drive.nowMs += 3999;
    expect(failure(drive.on({ type: 'tick' }))).toBeUndefined();
    drive.nowMs += 1;
    const end = failure(drive.on({ type: 'tick' }));
    expect(end).toMatchObject({ code: 'FT_PROTOCOL_BROKEN' });
  });

  it('ends with its first error whatever else goes wrong', () => {
    const first = { code: 'FT_PROTOCOL_BROKEN' };
    const first1 = dying();
    first1.on(lost(1));
    expect(failure(first1.on(lost(0)))).toMatchObject(first);

    const first2 = dying();
    const full = { code: 'FT_DISK_FULL', message: 'Full.', remedy: 'Free some.' } as const;
    first2.promiseAll([0, 1], behind);
    const failed = { kind: 'checkpoint', state: behind, holder: 'w0', error: full } as const;
    expect(failure(first2.on({ type: 'not-stored', ...failed }))).toMatchObject(first);

    const first3 = dying();
    first3.promise(0, behind, 2);
    const other = { round: 6, hash: 'other' };
    expect(failure(first3.promise(1, other, 2))).toMatchObject(first);

    expect(failure(dying().on({ type: 'stop', mode: 'now' }))).toMatchObject(first);
    expect(failure(dying().on({ type: 'trouble', error: full }))).toMatchObject(first);
  });

  it('is not kept from it by a user who asks for a stop', () => {
    const drive = dying();
    drive.on({ type: 'stop', mode: 'graceful' });
    drive.promiseAll([0, 1], behind);
    const end = drive.on({ type: 'stored', kind: 'checkpoint', state: behind, path: 'C' });
    expect(failure(end)).toMatchObject({ code: 'FT_PROTOCOL_BROKEN' });
  });

  it('asks another holder of the state, and asks all again when the only one dies too', () => {
    const drive = dying();
    drive.promise(0, behind, 2);
    drive.promise(1, ahead, 2);
    const again = drive.on(lost(1));
    expect(sent(again)).toEqual(['w1: abort', 'w0: prepare']);
    expect(again).toContainEqual({ type: 'give-up', kind: 'checkpoint', state: ahead });
    expect(drive.promise(0, behind, 3)).toEqual([
      { type: 'store', kind: 'checkpoint', state: behind, epoch: 1, holder: 'w0' },
    ]);
    const end = drive.on({ type: 'stored', kind: 'checkpoint', state: behind, path: 'C' });
    expect(failure(end)).toMatchObject({ code: 'FT_PROTOCOL_BROKEN' });
  });

  it('does not wait for other states, which a resume does not need', () => {
    const drive = new Drive();
    drive.run();
    const best = { round: 6, hash: 'six' };
    drive.say(2, { type: 'snapshot', kind: 'best', state: best, epoch: 1 });
    waitForEver(drive);
    drive.on(lost(2));
    drive.promiseAll([0, 1], behind);
    const end = drive.on({ type: 'stored', kind: 'checkpoint', state: behind, path: 'C' });
    expect(failure(end)).toMatchObject({ code: 'FT_PROTOCOL_BROKEN' });
  });

  it('stores nothing that was there already when it began', () => {
    const drive = new Drive({ resume: { state: { round: 40, hash: 'h' }, epoch: 2 } });
    drive.gather();
    const begun = { round: 40, hash: 'h' };
    drive.promiseAll([0, 1, 2], begun);
    drive.on({ type: 'recorded', generation: { term: 3, number: 1 } });
    waitForEver(drive);
    drive.on(lost(2));
    expect(failure(drive.promiseAll([0, 1], begun))).toMatchObject({ code: 'FT_PROTOCOL_BROKEN' });
  });

  it('finishes where a survivor has got to the end', () => {
    const drive = dying();
    const final = { type: 'snapshot', kind: 'final', state: ahead, epoch: 1 } as const;
    drive.say(1, final);
    drive.promise(1, ahead, 2);
    drive.promise(0, behind, 2);
    expect(drive.on({ type: 'stored', kind: 'final', state: ahead, path: 'F' }).at(-1)).toEqual({
      type: 'end',
      end: { status: 'finished', final: { kind: 'final', state: ahead, path: 'F' } },
    });
  });

  it('ends at once for what every worker comes to, and would come to again', () => {
    const drive = new Drive();
    drive.run();
    const error = { code: 'FT_LOSS_NOT_FINITE', message: 'NaN.', remedy: 'Less.' } as const;
    expect(failure(drive.say(1, { type: 'failed', error }))).toEqual(error);
  });

  it('forgives a pause of the coordinator, and still ends', () => {
    const drive = dying();
    drive.nowMs += 60_000;
    expect(drive.on({ type: 'tick' })).toEqual([]);
    drive.promise(0, behind, 2);
    drive.promise(1, behind, 2);
    drive.on({
      type: 'not-stored',
      ...{ kind: 'checkpoint', state: behind, holder: 'w0', error: refused },
    });
    drive.nowMs += 4000;
    expect(failure(drive.on({ type: 'tick' }))).toMatchObject({ code: 'FT_PROTOCOL_BROKEN' });
  });
});
