import type { JournalRecord } from '../../coordinator/journal-records.js';
import type { LedgerEntry } from '../../coordinator/ledger.js';

/** What a round is: `step` counts within its epoch. Phases, epochs and steps count from 0. */
export type RoundPlace = Pick<LedgerEntry, 'round' | 'kind' | 'phase' | 'epoch' | 'step' | 'split'>;

/** The first round in which two runs do not have the same running hash. */
export interface LedgerDifference extends RoundPlace {
  /** Of the first run and of the second; null: the run has no such round. */
  readonly hashes: readonly [string | null, string | null];
}

/** A run's ledger as its journal has it, by ascending round. A round that was done again is there once, as its last life had it. */
export function ledgerOf(records: readonly JournalRecord[]): LedgerEntry[] {
  const entries = new Map<number, LedgerEntry>();
  for (const record of records) {
    if (record.type !== 'rounds') continue;
    for (const entry of record.entries) entries.set(entry.round, entry);
  }
  return [...entries.values()].sort((a, b) => a.round - b.round);
}

/** Where two ledgers, by ascending round, differ first; null where they are equal. Pure. */
export function firstLedgerDifference(
  first: readonly LedgerEntry[],
  second: readonly LedgerEntry[],
): LedgerDifference | null {
  const length = Math.max(first.length, second.length);
  for (let index = 0; index < length; index += 1) {
    const [a, b] = [first[index], second[index]];
    if (a?.round === b?.round && a?.ledger === b?.ledger) continue;
    const round = Math.min(a?.round ?? Infinity, b?.round ?? Infinity);
    const [here, there] = [a, b].map((entry) => (entry?.round === round ? entry : undefined));
    return { ...placeOf((here ?? there)!), hashes: [here?.ledger ?? null, there?.ledger ?? null] };
  }
  return null;
}

function placeOf({ round, kind, phase, epoch, step, split }: LedgerEntry): RoundPlace {
  return { round, kind, phase, epoch, step, split };
}
