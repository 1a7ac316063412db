import { FtctlError } from '../errors/index.js';
import type { JournalRecord } from './journal-records.js';

/** What a run's bits come from, besides its configuration. */
export interface RunIdentity {
  readonly manifestHash: string;
  readonly backboneSha256: string;
  readonly fingerprintHash: string;
}

/**
 * Compares a run that goes on from a checkpoint with its earlier life. Throws FT_RESUME_MISMATCH where the data or the weights
 * are others: the split would be drawn anew, and samples be used twice or never. Gives a warning where only the machine or its
 * software is another: the run can go on, but not to the same bits.
 */
export function checkIdentity(
  records: readonly JournalRecord[],
  now: RunIdentity,
): string | undefined {
  const before = records.findLast((record) => record.type === 'run');
  if (before === undefined) return undefined;
  if (before.manifestHash !== now.manifestHash) {
    throw new FtctlError('FT_RESUME_MISMATCH', {
      what: `The images are no longer those that the run began with: the manifest's hash was ${short(before.manifestHash)} and is now ${short(now.manifestHash)}.`,
      why: 'With other images the split is drawn anew, so that some would be used twice, or for training and validation both.',
      remedy: 'Put the images back as they were, or start a new run.',
    });
  }
  if (before.backboneSha256 !== now.backboneSha256) {
    throw new FtctlError('FT_RESUME_MISMATCH', {
      what: `The backbone is no longer the one that the run began with: its SHA-256 was ${short(before.backboneSha256)} and is now ${short(now.backboneSha256)}.`,
      why: 'The weights, or the version of ftctl that lowers them, are others.',
      remedy: 'Put the weights back as they were, or start a new run.',
    });
  }
  if (before.fingerprintHash === now.fingerprintHash) return undefined;
  return 'The run goes on with another processor, engine or Node version than it began with: it will not end with the bits of an uninterrupted run.';
}

function short(hash: string): string {
  return hash.slice(0, 12);
}
