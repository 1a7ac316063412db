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
  /** Rounds that some members have delivered and some have not. */
  readonly open: ReadonlyMap<number, OpenRound>;
  /** The newest entry. */
  readonly last: LedgerEntry | undefined;
}

interface OpenRound {
  readonly hash: string;
  readonly ranks: readonly number[];
}

export type Delivery =
  | { readonly outcome: 'first'; readonly ledger: Ledger; readonly entry: LedgerEntry }
  | { readonly outcome: 'again'; readonly ledger: Ledger }
  /** `ranks` delivered the other hash; empty: an earlier life of the run did. */
  | { readonly outcome: 'diverged'; readonly ranks: readonly number[] };

export function emptyLedger(earlier: ReadonlyMap<number, string>): Ledger {
  return { earlier, open: new Map(), last: undefined };
}

/** Takes one member's report of a round. A round is forgotten once all `numMembers` have delivered it. */
export function deliver(
  ledger: Ledger,
  rank: number,
  numMembers: number,
  report: RoundReport,
): Delivery {
  const { round } = report;
  const before = ledger.open.get(round);
  if (before !== undefined && before.hash !== report.ledger) {
    return { outcome: 'diverged', ranks: before.ranks };
  }
  const earlier = ledger.earlier.get(round);
  if (earlier !== undefined && earlier !== report.ledger) return { outcome: 'diverged', ranks: [] };

  const ranks = [...(before?.ranks ?? []), rank];
  const open = new Map(ledger.open);
  if (ranks.length >= numMembers) open.delete(round);
  else open.set(round, { hash: report.ledger, ranks });
  if (before !== undefined) return { outcome: 'again', ledger: { ...ledger, open } };
  const entry = entryOf(report);
  return { outcome: 'first', ledger: { ...ledger, open, last: entry }, entry };
}

function entryOf(report: RoundReport): LedgerEntry {
  const { round, kind, phase, epoch, step, split, samples, loss, accuracy, ledger } = report;
  return { round, kind, phase, epoch, step, split, samples, loss, accuracy, ledger };
}
