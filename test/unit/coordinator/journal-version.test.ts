import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../../src/coordinator/journal-records.js';
import { checkJournalVersion } from '../../../src/coordinator/journal-version.js';

const generation = { id: { term: 1, number: 1 }, members: [] } as never;
const records: JournalRecord[] = [
  { type: 'term', term: 1 },
  {
    ...{ type: 'run', runId: 'r', specHash: 's', manifestHash: 'm' },
    ...{ modelHash: 'b', fingerprintHash: 'f' },
  },
  { type: 'generation', generation, round: 0, reason: 'all are there' },
  { type: 'rounds', entries: [] },
  {
    ...{ type: 'checkpoint', kind: 'checkpoint', epoch: 0, path: 'p' },
    state: { round: 1, hash: 'h' },
  },
  { type: 'end', status: 'finished', state: null, code: null },
];

describe('the version of a journal', () => {
  it('is the one that this ftctl writes', () => {
    checkJournalVersion(records);
    checkJournalVersion([]);
  });

  it('is told from that of before phases, which named the backbone', () => {
    const before = {
      ...{ type: 'run', runId: 'r', specHash: 's', manifestHash: 'm' },
      ...{ backboneSha256: 'b', fingerprintHash: 'f' },
    };
    expect(() => {
      checkJournalVersion([records[0]!, before]);
    }).toThrow(
      expect.objectContaining({
        code: 'FT_JOURNAL_VERSION',
        message:
          "The run's journal was written by another version of ftctl. Its line 2 (`run`) has no `modelHash`, as this version writes it.",
        remedy: 'Go on with the version of ftctl that wrote the run, or start a new run.',
      }) as Error,
    );
  });

  it('is told from one with records that are not known', () => {
    for (const type of ['toString', 'merge']) {
      expect(() => {
        checkJournalVersion([{ type }]);
      }).toThrow(
        `The run's journal was written by another version of ftctl. This version does not know the record of its line 1 (\`${type}\`).`,
      );
    }
  });
});
