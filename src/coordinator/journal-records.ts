import type { SnapshotKind, StateRef } from '../rpc/control-messages.js';
import type { Generation } from '../rpc/generation.js';
import type { LedgerEntry } from './ledger.js';

/** What a run must not forget. */
export type JournalRecord =
  /** A launch: what is run. `specHash` tells whether rounds done again must have the same bits. */
  | {
      readonly type: 'run';
      readonly runId: string;
      readonly specHash: string;
      readonly manifestHash: string;
      readonly modelHash: string;
      readonly fingerprintHash: string;
    }
  /** A coordinator claims the term. */
  | { readonly type: 'term'; readonly term: number }
  /** A commit: members, shards, and the round that they go on from. Durable before it is sent. */
  | {
      readonly type: 'generation';
      readonly generation: Generation;
      readonly round: number;
      readonly reason: string;
    }
  /** Ledger entries, ascending. */
  | { readonly type: 'rounds'; readonly entries: readonly LedgerEntry[] }
  /** A state is on disk. Ledger entries up to it are in the journal before it. */
  | {
      readonly type: 'checkpoint';
      readonly kind: SnapshotKind;
      readonly state: StateRef;
      readonly epoch: number;
      readonly path: string;
    }
  | {
      readonly type: 'end';
      readonly status: 'finished' | 'stopped' | 'failed';
      readonly state: StateRef | null;
      /** The error's code, where it failed. */
      readonly code: string | null;
    };

/** A record as it lies in the journal. */
export type StoredRecord = JournalRecord & {
  readonly seq: number;
  /** Hash of the record before; zeros for the first. */
  readonly prev: string;
  /** Unix time in ms. */
  readonly at: number;
};

/** What a coordinator that starts needs to know of its run's earlier lives. */
export interface JournalHistory {
  readonly highestTerm: number;
  /** Hashes of later rounds, done before under the same spec: doing them again must give the same. */
  readonly toRepeat: ReadonlyMap<number, string>;
}

/** Reads a journal's records. `resumeRound` is the round of the state that the run goes on from. */
export function historyOf(
  records: readonly JournalRecord[],
  { specHash, resumeRound }: { specHash: string; resumeRound: number },
): JournalHistory {
  let highestTerm = 0;
  let spec: string | undefined;
  const toRepeat = new Map<number, string>();
  for (const record of records) {
    if (record.type === 'term') highestTerm = Math.max(highestTerm, record.term);
    if (record.type === 'run') spec = record.specHash;
    if (record.type !== 'rounds') continue;
    for (const entry of record.entries) {
      // The last life that did a round says what its bits are; under another spec they may be others. A test evaluation ends
      // a run: in a longer one that goes on from before it, its round is a step.
      const isComparable = entry.split !== 'test' && spec === specHash;
      if (entry.round > resumeRound && isComparable) toRepeat.set(entry.round, entry.ledger);
      else toRepeat.delete(entry.round);
    }
  }
  return { highestTerm, toRepeat };
}
