import { describe, expect, it } from 'vitest';
import { historyOf, type JournalRecord } from '../../../src/coordinator/journal-records.js';
import type { LedgerEntry } from '../../../src/coordinator/ledger.js';

function entry(round: number, ledger = `${round}`): LedgerEntry {
  return {
    ...{ round, kind: 'step', phase: 0, epoch: 0, step: round, split: 'train' },
    ...{ samples: 8, loss: 1, accuracy: 0, ledger },
  };
}

function runOf(specHash: string): JournalRecord {
  return {
    type: 'run',
    runId: 'r',
    specHash,
    manifestHash: 'm',
    modelHash: 'b',
    fingerprintHash: 'f',
  };
}

function rounds(...entries: LedgerEntry[]): JournalRecord {
  return { type: 'rounds', entries };
}

describe('historyOf', () => {
  it('finds the highest term, and the rounds that must come out the same again', () => {
    const records: JournalRecord[] = [
      { type: 'term', term: 1 },
      runOf('a'),
      rounds(entry(1), entry(2)),
      { type: 'term', term: 2 },
      runOf('a'),
      rounds(entry(2), entry(3), entry(4)),
    ];
    const history = historyOf(records, { specHash: 'a', resumeRound: 2 });
    expect(history.highestTerm).toBe(2);
    expect([...history.toRepeat]).toEqual([
      [3, '3'],
      [4, '4'],
    ]);
  });

  it('holds a longer run to nothing that the shorter one did after the resumed state', () => {
    const records = [runOf('a'), rounds(entry(1), entry(2), entry(3))];
    const history = historyOf(records, { specHash: 'b', resumeRound: 2 });
    expect(history.toRepeat.size).toBe(0);
  });

  it('believes the last life that did a round', () => {
    const records = [
      runOf('a'),
      rounds(entry(3, 'old')),
      runOf('b'),
      rounds(entry(3, 'new')),
      runOf('b'),
    ];
    expect([...historyOf(records, { specHash: 'b', resumeRound: 0 }).toRepeat]).toEqual([
      [3, 'new'],
    ]);
    expect(historyOf(records, { specHash: 'a', resumeRound: 0 }).toRepeat.size).toBe(0);
  });
});
