import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../../../src/coordinator/journal-records.js';
import type { LedgerEntry } from '../../../../src/coordinator/ledger.js';
import {
  firstLedgerDifference,
  ledgerOf,
} from '../../../../src/launch/verify/ledger-difference.js';

function entry(round: number, ledger = `hash ${round}`): LedgerEntry {
  return {
    ...{ round, kind: 'step', phase: 0, epoch: 1, step: round % 5, split: 'train' },
    ...{ samples: 8, loss: 1, accuracy: 0, ledger },
  };
}

const ledger = (length: number): LedgerEntry[] =>
  Array.from({ length }, (_, index) => entry(index + 1));

describe('two ledgers', () => {
  it('have no difference where they are equal', () => {
    expect(firstLedgerDifference([], [])).toBeNull();
    expect(firstLedgerDifference(ledger(9), ledger(9))).toBeNull();
  });

  it('differ first where the running hash of one becomes another', () => {
    const place = fc
      .integer({ min: 1, max: 40 })
      .chain((length) => fc.tuple(fc.constant(length), fc.integer({ min: 1, max: length })));
    fc.assert(
      fc.property(place, fc.boolean(), ([length, round], isSwapped) => {
        // A running hash stays another one from there on.
        const changed = ledger(length).map((each) =>
          each.round < round ? each : { ...each, ledger: `other ${each.round}` },
        );
        const pair = [ledger(length), changed] as const;
        const [first, second] = isSwapped ? [pair[1], pair[0]] : pair;
        const { kind, phase, epoch, step, split } = entry(round);
        expect(firstLedgerDifference(first, second)).toEqual({
          ...{ round, kind, phase, epoch, step, split },
          hashes: [first[round - 1]!.ledger, second[round - 1]!.ledger],
        });
      }),
    );
  });

  it('differ in a round that one of them lacks', () => {
    expect(firstLedgerDifference(ledger(3), ledger(4))).toMatchObject({
      round: 4,
      hashes: [null, 'hash 4'],
    });
    expect(firstLedgerDifference(ledger(4), ledger(2))).toMatchObject({
      round: 3,
      hashes: ['hash 3', null],
    });
    const withGap = ledger(4).filter(({ round }) => round !== 2);
    expect(firstLedgerDifference(ledger(4), withGap)).toMatchObject({
      round: 2,
      hashes: ['hash 2', null],
    });
  });
});

describe('the ledger of a journal', () => {
  it('has each round once, as its last life did it', () => {
    const records: JournalRecord[] = [
      { type: 'term', term: 1 },
      { type: 'rounds', entries: [entry(1), entry(2, 'old'), entry(3, 'old')] },
      { type: 'term', term: 2 },
      { type: 'rounds', entries: [entry(2), entry(3)] },
      { type: 'rounds', entries: [entry(4)] },
    ];
    expect(ledgerOf(records)).toEqual(ledger(4));
  });
});
