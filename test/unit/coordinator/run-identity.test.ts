import { describe, expect, it, test } from 'vitest';
import type { JournalRecord } from '../../../src/coordinator/journal-records.js';
import {
  checkIdentity,
  modelHash,
  type RunIdentity,
} from '../../../src/coordinator/run-identity.js';

const now: RunIdentity = {
  manifestHash: 'manifest-one-and-more',
  modelHash: 'model-one-and-more',
  fingerprintHash: 'fingerprint-one',
};

function journalOf(...lives: Partial<RunIdentity>[]): JournalRecord[] {
  return lives.flatMap((life, i): JournalRecord[] => [
    { type: 'term', term: i + 1 },
    { type: 'run', runId: 'r', specHash: 's', ...now, ...life },
  ]);
}

test('the hash of a model is of its weights and of all that is frozen', () => {
  const phase = (backboneSha256: string) => ({
    ...({
      engine: 'network',
      trained: [],
      statistics: [],
      boundaries: [],
      numFeatures: 1,
    } as const),
    backboneSha256,
  });
  const hashes = [
    { weightsSha256: 'w', phases: [phase('a'), phase('b')] },
    { weightsSha256: 'v', phases: [phase('a'), phase('b')] },
    { weightsSha256: 'w', phases: [phase('a'), phase('c')] },
    { weightsSha256: 'w', phases: [phase('a')] },
  ].map(modelHash);
  expect(new Set(hashes).size).toBe(4);
});

describe('checkIdentity', () => {
  it('has nothing against a new run, or one with the same data, weights and machine', () => {
    expect(checkIdentity([], now)).toBeUndefined();
    expect(checkIdentity([{ type: 'term', term: 1 }], now)).toBeUndefined();
    expect(checkIdentity(journalOf({}), now)).toBeUndefined();
  });

  it('refuses other images', () => {
    expect(() => checkIdentity(journalOf({ manifestHash: 'another-manifest' }), now)).toThrow(
      expect.objectContaining({
        code: 'FT_RESUME_MISMATCH',
        message:
          "The images are no longer those that the run began with: the manifest's hash was another-mani and is now manifest-one. With other images the split is drawn anew, so that some would be used twice, or for training and validation both.",
      }),
    );
  });

  it('refuses other weights', () => {
    expect(() => checkIdentity(journalOf({ modelHash: 'another-model-hash' }), now)).toThrow(
      expect.objectContaining({
        code: 'FT_RESUME_MISMATCH',
        message:
          'The model is no longer the one that the run began with: its hash was another-mode and is now model-one-an. The weights, or the version of ftctl that lowers them, are others.',
      }),
    );
  });

  it('warns of another machine, and compares with the last life of the run', () => {
    const warning =
      'The run goes on with another processor, engine or Node version than it began with: it will not end with the bits of an uninterrupted run.';
    expect(checkIdentity(journalOf({ fingerprintHash: 'other' }), now)).toBe(warning);
    expect(checkIdentity(journalOf({ fingerprintHash: 'other' }, {}), now)).toBeUndefined();
    expect(checkIdentity(journalOf({}, { fingerprintHash: 'other' }), now)).toBe(warning);
  });
});
