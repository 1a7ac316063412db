import type { RoundReport } from '../rpc/control-messages.js';

/** What the journal keeps of a round: one entry each, whoever delivers it. */
export type LedgerEntry = Pick<
  RoundReport,
  | 'round'
  | 'kind'
  | 'phase'
  | 'epoch'
  | 'step'
  | 'split'
  | 'samples'
  | 'loss'
  | 'accuracy'
  | 'ledger'
>;

/** Agreement of the members on the running hash, round by round. Immutable. */
export interface Ledger {
  /** Hashes of an earlier life of the run: a round done again must have the same. */
  readonly earlier: ReadonlyMap<number, string>;
  /** The newest round of this life, and those before it down to the newest state on disk: nothing older is ever done again. */
  readonly past: PastRound | null;
  /** The newest entry. */
  readonly last: LedgerEntry | undefined;
}

interface PastRound {
  readonly round: number;
  readonly hash: string;
  /** Ranks that have delivered it in the generation in which it was first. */
  readonly ranks: readonly number[];
  readonly before: PastRound | null;
}

export type Delivery =
  | { readonly outcome: 'first'; readonly ledger: Ledger; readonly entry: LedgerEntry }
  | { readonly outcome: 'again'; readonly ledger: Ledger }
  /** `ranks` delivered the other hash; empty: an earlier life of the run did. */
  | { readonly outcome: 'diverged'; readonly ranks: readonly number[] };

export function emptyLedger(earlier: ReadonlyMap<number, string>): Ledger {
  return { earlier, past: null, last: undefined };
}

/**
 * Takes one member's report of a round. Its first delivery is the entry; every other one must have the same hash, whoever computes the
 * round again, and when.
 */
export function deliver(ledger: Ledger, rank: number, report: RoundReport): Delivery {
  const { round } = report;
  const { earlier, past, last } = ledger;
  const known = find(past, round);
  if (known !== undefined && known.hash !== report.ledger) {
    return { outcome: 'diverged', ranks: known.ranks };
  }
  const before = earlier.get(round);
  if (before !== undefined && before !== report.ledger) return { outcome: 'diverged', ranks: [] };
  if (last !== undefined && round <= last.round) {
    const ranked = known === past ? withRank(past, rank) : past;
    return { outcome: 'again', ledger: { ...ledger, past: ranked } };
  }
  const entry = entryOf(report);
  const newest = { round, hash: report.ledger, ranks: [rank], before: past };
  return { outcome: 'first', ledger: { ...ledger, past: newest, last: entry }, entry };
}

/** A state of this round is on disk: rounds up to it are not done again. */
export function settleUntil(ledger: Ledger, round: number): Ledger {
  const kept: PastRound[] = [];
  for (let at = ledger.past; at !== null && at.round > round; at = at.before) kept.push(at);
  const past = kept.reduceRight<PastRound | null>((before, each) => ({ ...each, before }), null);
  return { ...ledger, past };
}

function find(newest: PastRound | null, round: number): PastRound | undefined {
  let at = newest;
  while (at !== null && at.round > round) at = at.before;
  return at?.round === round ? at : undefined;
}

function withRank(past: PastRound | null, rank: number): PastRound | null {
  return past === null ? null : { ...past, ranks: [...past.ranks, rank] };
}

function entryOf(report: RoundReport): LedgerEntry {
  const { round, kind, phase, epoch, step, split, samples, loss, accuracy, ledger } = report;
  return { round, kind, phase, epoch, step, split, samples, loss, accuracy, ledger };
}
