import type { JournalRecord } from '../journal-records.js';
import type { LedgerEntry } from '../ledger.js';

type RecordOf<Type extends JournalRecord['type']> = Extract<JournalRecord, { type: Type }>;

/** A round of the ledger, and where it is written. */
export interface PlacedRound {
  readonly entry: LedgerEntry;
  readonly line: number;
  /** What was run (spec-hash.ts): rounds of one hash have the same bits whenever they are done. */
  readonly specHash: string;
  /** Over rounds 1 to this one: samples of all steps, and evaluations on val. */
  readonly samplesUntil: number;
  readonly evaluationsUntil: number;
}

/** One life of the coordinator, as the journal tells it. */
export interface Life {
  readonly term: number;
  readonly run: (RecordOf<'run'> & { readonly line: number }) | null;
  /** The round that it went on from; null: it began no rounds. */
  readonly start: number | null;
  /** Evaluations on val of the rounds before its first one, oldest first. */
  readonly history: readonly LedgerEntry[];
  /** The rounds that it did, ascending. */
  readonly rounds: readonly PlacedRound[];
  readonly end: (RecordOf<'end'> & { readonly line: number }) | null;
}

/** A state that the journal says is on disk. */
export interface RecordedState extends RecordOf<'checkpoint'> {
  readonly line: number;
  /** Its round as the ledger had it then; null: the state before round 1. */
  readonly at: PlacedRound | null;
}

/** The whole story of a run. */
export interface Story {
  readonly lives: readonly Life[];
  readonly numGenerations: number;
  /** Rounds that a later life wrote again, with the same bits. */
  readonly numRepeated: number;
  /** The rounds of the run as its last life has them: those that it went on from, and its own. */
  readonly timeline: readonly PlacedRound[];
  readonly states: readonly RecordedState[];
}
