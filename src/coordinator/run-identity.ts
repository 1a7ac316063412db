import { FtctlError } from '../errors/index.js';
import type { PreparedModel } from '../models/prepared-model.js';
import { sha256Hex } from '../util/blob-store.js';
import type { JournalRecord } from './journal-records.js';

/** What a run's bits come from, besides its configuration. */
export interface RunIdentity {
  readonly manifestHash: string;
  /** See {@link modelHash}. */
  readonly modelHash: string;
  readonly fingerprintHash: string;
}

/** Of the pretrained weights and of the graphs of what is frozen: a network that is trained whole has next to nothing frozen. */
export function modelHash({
  weightsSha256,
  phases,
}: Pick<PreparedModel, 'weightsSha256' | 'phases'>): string {
  return sha256Hex([weightsSha256, ...phases.map((phase) => phase.backboneSha256)].join('\n'));
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
  if (before.modelHash !== now.modelHash) {
    throw new FtctlError('FT_RESUME_MISMATCH', {
      what: `The model is no longer the one that the run began with: its hash was ${short(before.modelHash)} and is now ${short(now.modelHash)}.`,
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
