import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deliver, emptyLedger, type Ledger, settleUntil } from '../../../src/coordinator/ledger.js';
import { reportOf } from './support.js';

function delivered(ledger: Ledger, rank: number, round: number): Ledger {
  const delivery = deliver(ledger, rank, reportOf(round));
  if (delivery.outcome === 'diverged') throw new Error('diverged');
  return delivery.ledger;
}

describe('the ledger', () => {
  it('takes a round from whoever delivers it first, without the own share', () => {
    const delivery = deliver(emptyLedger(new Map()), 2, reportOf(5));
    expect(delivery).toMatchObject({
      outcome: 'first',
      entry: { round: 5, kind: 'step', samples: 32, ledger: 'ledger 5' },
    });
    expect(delivery.outcome === 'first' && 'local' in delivery.entry).toBe(false);
  });

  it('counts later deliveries with the same hash once', () => {
    const ledger = delivered(delivered(emptyLedger(new Map()), 0, 1), 0, 2);
    expect(deliver(ledger, 1, reportOf(1)).outcome).toBe('again');
    expect(deliver(ledger, 1, reportOf(2)).outcome).toBe('again');
    expect(deliver(ledger, 1, reportOf(3)).outcome).toBe('first');
    expect(ledger.last?.round).toBe(2);
  });

  it('names who delivered another hash', () => {
    const ledger = delivered(delivered(emptyLedger(new Map()), 0, 1), 2, 1);
    expect(deliver(ledger, 1, reportOf(1, { ledger: 'x' }))).toEqual({
      outcome: 'diverged',
      ranks: [0, 2],
    });
  });

  it('holds a round that is done again to the bits of an earlier life', () => {
    const ledger = emptyLedger(new Map([[7, 'ledger 7']]));
    expect(deliver(ledger, 1, reportOf(7)).outcome).toBe('first');
    expect(deliver(ledger, 1, reportOf(7, { ledger: 'x' }))).toEqual({
      outcome: 'diverged',
      ranks: [],
    });
  });

  it('knows the hash of every round that is not on disk yet, whoever does it again', () => {
    const step = fc.record({
      back: fc.nat(12),
      isWrong: fc.boolean(),
      settle: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let ledger = emptyLedger(new Map());
        let newest = 0;
        let onDisk = 0;
        for (const { back, isWrong, settle } of steps) {
          // A round is new, or one of those after the state on disk is done again.
          const round = back === 0 ? newest + 1 : Math.max(onDisk + 1, newest + 1 - back);
          const isNew = round > newest;
          const hash = isWrong && !isNew ? { ledger: 'x' } : {};
          const delivery = deliver(ledger, 0, reportOf(round, hash));
          const expected = isNew ? 'first' : isWrong ? 'diverged' : 'again';
          expect(delivery.outcome).toBe(expected);
          if (delivery.outcome !== 'diverged') ledger = delivery.ledger;
          newest = Math.max(newest, round);
          if (settle) {
            onDisk = newest;
            ledger = settleUntil(ledger, newest);
            expect(ledger.past).toBeNull();
          }
        }
        expect(ledger.last?.round ?? 0).toBe(newest);
      }),
    );
  });
});
