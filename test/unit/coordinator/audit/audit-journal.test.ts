import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Audit, auditJournal } from '../../../../src/coordinator/audit/audit-journal.js';
import { readRecords } from '../../../../src/coordinator/journal.js';
import { FtctlError } from '../../../../src/errors/index.js';
import { chained } from '../../../support/audit/chained.js';
import {
  smallJournal,
  type SmallJournal,
  type SmallJournalOptions,
} from '../../../support/audit/small-journal.js';
import { smallPhase } from '../../../support/train/small-run.js';

/** Audits the lines of a journal with the rest of the run's folder as it is; `records` are as `readRecords` gives them. */
function auditOf(journal: SmallJournal, lines: readonly string[]): Audit {
  const { records } = readRecords(Buffer.from(lines.map((line) => `${line}\n`).join('')));
  return auditJournal({ ...journal, records });
}

const auditOfRecords = (journal: SmallJournal, records: readonly object[]): Audit =>
  auditOf(journal, chained(records));

const anyOptions: fc.Arbitrary<SmallJournalOptions> = fc.record({
  numTrain: fc.integer({ min: 17, max: 60 }),
  numVal: fc.integer({ min: 1, max: 20 }),
  numTest: fc.integer({ min: 0, max: 9 }),
  limitBatches: fc.constantFrom(null, 1, 2),
  phases: fc
    .array(
      fc.record({
        epochs: fc.integer({ min: 1, max: 3 }),
        accumulate: fc.integer({ min: 1, max: 2 }),
        sampling: fc.constantFrom('once' as const, 'weighted' as const),
        earlyStopping: fc.constantFrom(null, {
          ...{ metric: 'accuracy' as const, patience: 1, minDelta: 0 },
        }),
      }),
      { minLength: 1, maxLength: 2 },
    )
    .map((phases) => phases.map((phase) => smallPhase(phase))),
  killedAfter: fc.integer({ min: 0, max: 12 }),
  lostAfter: fc.integer({ min: 0, max: 12 }),
});

const runs = 60;

describe('an audit of a journal', () => {
  it('finds nothing in the journal of any run', () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const journal = smallJournal(options);
        const audit = auditOfRecords(journal, journal.records);
        expect(audit.findings).toEqual([]);
        expect(audit.end).toBe('finished');
        expect(audit.samples!.partialEpochs).toBe(0);
        expect(audit.states).toEqual({
          numRecorded: journal.states.length,
          ...{ numUnrecorded: 0, numGone: 0 },
        });
      }),
      { numRuns: runs },
    );
  });

  it('counts the rounds that were done again, and does not take other bits for the same', () => {
    // 3 steps and an evaluation: the coordinator is killed two rounds after its first checkpoint.
    const journal = smallJournal({ killedAfter: 6 });
    expect(auditOfRecords(journal, journal.records).rounds).toMatchObject({
      ...{ last: 12, steps: 9, evaluations: 3, repeated: 2 },
    });
    const again = journal.records.findLastIndex(
      (record) => record.type === 'rounds' && record.entries[0]!.round === 5,
    );
    const records = journal.records.map((record, index) =>
      index === again ? withOther(record, 'entries.0.ledger') : record,
    );
    expect(auditOfRecords(journal, records).findings).toEqual([
      {
        ...{ check: 'rounds', line: again + 1 },
        what: 'Round 5 was done before, in line 9, and came to something else.',
      },
    ]);
  });

  it('says which rule it held each epoch to', () => {
    const samplesOf = (options: SmallJournalOptions): Audit['samples'] => {
      const journal = smallJournal({ numTrain: 37, numVal: 13, ...options });
      return auditOfRecords(journal, journal.records).samples;
    };
    expect(samplesOf({})).toEqual({
      ...{ epochs: { once: 3 }, partialEpochs: 0, train: { all: 37, used: 37 } },
      evaluations: [{ split: 'val', times: 3, all: 13, used: 13 }],
    });
    // 2 batches of 16.
    expect(samplesOf({ limitBatches: 2 })).toMatchObject({
      ...{ epochs: { limited: 3 }, train: { all: 37, used: 32 } },
    });
    expect(samplesOf({ phases: [smallPhase({ sampling: 'weighted' })] })).toMatchObject({
      epochs: { weighted: 3 },
    });
    expect(samplesOf({ overfitBatch: true })).toMatchObject({ epochs: { overfit: 3 } });
  });

  it('audits the rest where the samples cannot be listed', () => {
    const journal = { ...smallJournal(), manifests: new Map() };
    expect(auditOfRecords(journal, journal.records)).toMatchObject({ samples: null, findings: [] });
  });

  it('takes a run that was killed anywhere, before its next life', () => {
    const journal = { ...smallJournal(), result: null };
    for (let length = 1; length < journal.records.length; length += 1) {
      const records = journal.records.slice(0, length);
      const files = new Set(
        records.flatMap((r) =>
          r.type === 'checkpoint' ? [r.path.replace('/runs/small/', '')] : [],
        ),
      );
      // The next state may be on disk, and not written down yet.
      const next = journal.records[length]!;
      if (next.type === 'checkpoint') files.add(next.path.replace('/runs/small/', ''));
      const states = journal.states.filter(({ file }) => files.has(file));
      expect(auditOfRecords({ ...journal, states }, records).findings).toEqual([]);
    }
  });
});

describe('an edit of a journal', () => {
  const anyEdit = fc.record({
    kind: fc.constantFrom('change', 'remove', 'repeat', 'swap', 'cut' as const),
    at: fc.nat(),
    character: fc.nat(),
  });

  it('is found at its line, whatever it is', () => {
    fc.assert(
      fc.property(anyOptions, anyEdit, (options, edit) => {
        const journal = smallJournal(options);
        const lines = chained(journal.records);
        const { line, edited } = apply(lines, edit);
        const found = thrownBy(() => auditOf(journal, edited));
        if (typeof found !== 'string') {
          // The end is missing, or was made unreadable as a crash might: no hash can say so, and the launch can.
          expect(line).toBeGreaterThanOrEqual(edited.length);
          expect(found.findings.map(({ what }) => what).join(' ')).toMatch(
            /last lines are missing|has no record/,
          );
        } else {
          expect(found).toBe(`FT_JOURNAL_DAMAGED ${line}`);
        }
      }),
      { numRuns: 4 * runs },
    );
  });

  /** Fields that something else in the folder says, too: found though all hashes after the edit were made anew. */
  const fields = {
    term: ['term'],
    run: ['specHash', 'manifestHash', 'modelHash', 'fingerprintHash'],
    generation: [
      'round',
      'generation.id.term',
      'generation.numShards',
      'generation.members.0.firstShard',
    ],
    rounds: ['round', 'kind', 'phase', 'epoch', 'step', 'split', 'samples'].map(
      (field) => `entries.0.${field}`,
    ),
    checkpoint: ['state.round'],
    end: ['status', 'state.hash'],
  } as const;

  it('is found where another record contradicts it, though the hashes were made anew', () => {
    fc.assert(
      fc.property(anyOptions, fc.nat(), fc.nat(), (options, at, which) => {
        const journal = smallJournal(options);
        const index = at % journal.records.length;
        const record = journal.records[index]!;
        const paths = fields[record.type];
        const path = paths[which % paths.length]!;
        const records = journal.records.map((r, i) => (i === index ? withOther(r, path) : r));
        expect(auditOfRecords(journal, records).findings, path).not.toEqual([]);
      }),
      { numRuns: 4 * runs },
    );
  });

  it('that leaves out, repeats or adds a record is found, though the hashes were made anew', () => {
    fc.assert(
      fc.property(anyOptions, fc.nat(), fc.boolean(), (options, at, isTwice) => {
        // Of a life that was killed, nothing tells how far it came.
        const journal = smallJournal({ ...options, killedAfter: 0 });
        const index = at % journal.records.length;
        const record = journal.records[index]!;
        // Nothing tells that a state was stored which is not there, or twice; nor that members were others for a while.
        fc.pre(record.type !== 'checkpoint' && (record.type !== 'generation' || isTwice));
        const records = journal.records.flatMap((r, i) => {
          if (i !== index) return [r];
          return isTwice ? [r, r] : [];
        });
        expect(auditOfRecords(journal, records).findings).not.toEqual([]);
      }),
      { numRuns: 2 * runs },
    );
  });
});

function apply(
  lines: readonly string[],
  edit: { kind: string; at: number; character: number },
): { line: number; edited: string[] } {
  const index = edit.at % lines.length;
  const edited = [...lines];
  const text = lines[index]!;
  switch (edit.kind) {
    case 'remove':
      edited.splice(index, 1);
      break;
    case 'repeat':
      edited.splice(index, 0, text);
      return { line: index + 2, edited };
    case 'swap': {
      const other = (index + 1) % lines.length;
      [edited[index], edited[other]] = [lines[other]!, text];
      return { line: Math.min(index, other) + 1, edited };
    }
    case 'cut':
      edited.length = index;
      break;
    default: {
      const at = edit.character % text.length;
      const other = text[at] === 'x' ? 'y' : 'x';
      edited[index] = text.slice(0, at) + other + text.slice(at + 1);
    }
  }
  return { line: index + 1, edited };
}

function thrownBy(work: () => Audit): Audit | string {
  try {
    return work();
  } catch (error) {
    const { code, details } = FtctlError.from(error);
    return `${code} ${String(details?.['line'])}`;
  }
}

/** A copy with another value of the same kind at the path. */
function withOther(record: object, path: string): object {
  const copy = structuredClone(record) as Record<string, unknown>;
  const keys = path.split('.');
  let place = copy;
  for (const key of keys.slice(0, -1)) place = place[key] as Record<string, unknown>;
  const last = keys.at(-1)!;
  place[last] = otherThan(place[last]);
  return copy;
}

function otherThan(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  const words: Readonly<Record<string, string>> = {
    ...{ step: 'evaluate', evaluate: 'phase', phase: 'step' },
    ...{ train: 'val', val: 'test', test: 'train', finished: 'stopped' },
  };
  const text = String(value);
  return words[text] ?? (text.startsWith('0') ? '1' : '0') + text.slice(1);
}
