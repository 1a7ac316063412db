import { describe, expect, it } from 'vitest';
import { deliver, emptyLedger, type Ledger } from '../../../src/coordinator/ledger.js';
import { reportOf } from './support.js';

function delivered(ledger: Ledger, rank: number, round: number, hash?: string): Ledger {
  const change = hash === undefined ? {} : { ledger: hash };
  const delivery = deliver(ledger, rank, 3, reportOf(round, change));
  if (delivery.outcome === 'diverged') throw new Error('diverged');
  return delivery.ledger;
}

describe('the ledger', () => {
  it('takes a round from whoever delivers it first, without the own share', () => {
    const delivery = deliver(emptyLedger(new Map()), 2, 3, reportOf(5));
    expect(delivery).toMatchObject({
      outcome: 'first',
      entry: { round: 5, kind: 'step', samples: 32, ledger: 'ledger 5' },
    });
    expect(delivery.outcome === 'first' && 'local' in delivery.entry).toBe(false);
  });

  it('counts later deliveries with the same hash once, and forgets a round that all have delivered', () => {
    let ledger = delivered(emptyLedger(new Map()), 0, 1);
    ledger = delivered(ledger, 0, 2);
    expect(deliver(ledger, 1, 3, reportOf(1)).outcome).toBe('again');
    ledger = delivered(delivered(ledger, 1, 1), 2, 1);
    expect([...ledger.open.keys()]).toEqual([2]);
    expect(ledger.last?.round).toBe(2);
  });

  it('names who delivered another hash', () => {
    const ledger = delivered(delivered(emptyLedger(new Map()), 0, 1), 2, 1);
    expect(deliver(ledger, 1, 3, reportOf(1, { ledger: 'x' }))).toEqual({
      outcome: 'diverged',
      ranks: [0, 2],
    });
  });

  it('holds a round that is done again to the bits of an earlier life', () => {
    const ledger = emptyLedger(new Map([[7, 'ledger 7']]));
    expect(deliver(ledger, 1, 3, reportOf(7)).outcome).toBe('first');
    expect(deliver(ledger, 1, 3, reportOf(7, { ledger: 'x' }))).toEqual({
      outcome: 'diverged',
      ranks: [],
    });
  });
});
