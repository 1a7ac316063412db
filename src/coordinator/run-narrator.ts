import type { RunEventBody, Score } from '../control/events.js';
import type { RoundReport } from '../rpc/control-messages.js';
import type { LedgerEntry } from './ledger.js';

/** A watcher is told of at most one step in this time. */
const stepEveryMs = 100;
/** Time constant of the shown speed. */
const speedMs = 2000;

export interface NarratorOptions {
  /** Epochs of the whole run, and steps of one, by phase. */
  readonly shape: { readonly epochs: number; readonly steps: readonly number[] };
  /** Entries that the resumed state has applied: the beginning of an epoch that is gone on with. */
  readonly applied: readonly LedgerEntry[];
}

interface Evaluation {
  readonly report: RoundReport;
  /** Incarnations that have delivered it. */
  readonly from: Set<string>;
}

/**
 * Makes events out of the workers' reports: throttled steps, one event per epoch and test. Times are those of the
 * reports' arrival. An epoch is told once every member has reported its evaluation, since each one reports its own
 * share of the work.
 */
export class RunNarrator {
  readonly #shape: NarratorOptions['shape'];
  #numMembers = 1;
  /** Sums over the steps of an epoch, by epoch. */
  readonly #trained = new Map<number, { samples: number; loss: number; correct: number }>();
  /** Samples of this life in the current epoch, and when it began and had its last step. */
  #epoch = { samples: 0, beganMs: 0, lastStepMs: 0 };
  /** Rows by incarnation, totals since the worker started; and their sum when the last epoch was told. */
  readonly #rows = new Map<string, { computed: number; cached: number }>();
  #rowsTold = { computed: 0, cached: 0 };
  readonly #best = new Set<number>();
  /** Evaluations that some members have not reported yet, by round. */
  readonly #evaluations = new Map<number, Evaluation>();
  #lastStepToldMs = Number.NEGATIVE_INFINITY;
  #speed = { perMs: 0, samples: 0, sinceMs: 0 };
  #total = { samples: 0, beganMs: 0, endedMs: 0 };

  constructor({ shape, applied }: NarratorOptions) {
    this.#shape = shape;
    for (const entry of applied) if (entry.kind === 'step') this.#train(entry);
  }

  /** Training samples of this life of the coordinator, and the seconds from the first commit to the last report. */
  get trained(): { readonly samples: number; readonly seconds: number } {
    const { samples, beganMs, endedMs } = this.#total;
    return { samples, seconds: Math.max(0, endedMs - beganMs) / 1000 };
  }

  /** Rounds begin. */
  began(nowMs: number, numMembers: number): void {
    this.#numMembers = numMembers;
    this.#epoch = { samples: 0, beganMs: nowMs, lastStepMs: nowMs };
    this.#speed = { ...this.#speed, samples: 0, sinceMs: nowMs };
    this.#total = { samples: 0, beganMs: nowMs, endedMs: nowMs };
  }

  /** A worker said that the state of this round is the best so far; it says so before it reports the round. */
  bestAt(round: number): void {
    this.#best.add(round);
  }

  /** A round that nobody had reported before. */
  first(nowMs: number, entry: LedgerEntry, learningRate: number): RunEventBody[] {
    this.#total.endedMs = nowMs;
    if (entry.kind !== 'step') return [];
    this.#train(entry);
    this.#total.samples += entry.samples;
    this.#epoch.samples += entry.samples;
    this.#epoch.lastStepMs = nowMs;
    this.#speed.samples += entry.samples;
    if (nowMs - this.#lastStepToldMs < stepEveryMs) return [];
    this.#lastStepToldMs = nowMs;
    this.#measureSpeed(nowMs);
    const { round, phase, epoch, step, loss, accuracy } = entry;
    return [
      {
        type: 'step',
        ...{
          round,
          phase,
          epoch,
          epochs: this.#shape.epochs,
          step,
          steps: this.#shape.steps[phase]!,
        },
        ...{ loss, accuracy, learningRate, imagesPerSecond: this.#speed.perMs * 1000 },
      },
    ];
  }

  /** Any member's report, also of a round that is known. */
  reported(nowMs: number, from: string, report: RoundReport): RunEventBody[] {
    const { rowsComputed, rowsCached } = report.local;
    this.#rows.set(from, { computed: rowsComputed, cached: rowsCached });
    if (report.kind !== 'evaluate') return [];
    const evaluation = this.#evaluations.get(report.round) ?? { report, from: new Set<string>() };
    this.#evaluations.set(report.round, evaluation);
    evaluation.from.add(from);
    return evaluation.from.size < this.#numMembers ? [] : this.#tell(nowMs, evaluation);
  }

  /** The run is over: what is still waiting for a member's report is told without it. */
  ended(nowMs: number): RunEventBody[] {
    return [...this.#evaluations.values()].flatMap((evaluation) => this.#tell(nowMs, evaluation));
  }

  #tell(nowMs: number, { report }: Evaluation): RunEventBody[] {
    this.#evaluations.delete(report.round);
    const { phase, epoch, loss, accuracy, samples, learningRate, round } = report;
    if (report.split === 'test') return [{ type: 'test', loss, accuracy, samples }];
    const began = this.#epoch;
    const rows = this.#takeRows();
    this.#epoch = { samples: 0, beganMs: nowMs, lastStepMs: nowMs };
    const trainMs = began.lastStepMs - began.beganMs;
    const event: RunEventBody = {
      type: 'epoch',
      ...{ phase, epoch, epochs: this.#shape.epochs, train: this.#takeTrained(epoch) },
      ...{ val: { loss, accuracy }, learningRate, isBest: this.#best.delete(round) },
      seconds: (nowMs - began.beganMs) / 1000,
      imagesPerSecond: trainMs > 0 ? (began.samples * 1000) / trainMs : 0,
      ...{ rowsComputed: rows.computed, rowsCached: rows.cached },
    };
    return [event];
  }

  #train({ epoch, samples, loss, accuracy }: LedgerEntry): void {
    const sums = this.#trained.get(epoch) ?? { samples: 0, loss: 0, correct: 0 };
    sums.samples += samples;
    sums.loss += loss * samples;
    sums.correct += accuracy * samples;
    this.#trained.set(epoch, sums);
  }

  #takeTrained(epoch: number): Score {
    const { samples, loss, correct } = this.#trained.get(epoch) ?? {
      samples: 0,
      loss: 0,
      correct: 0,
    };
    for (const known of this.#trained.keys()) if (known <= epoch) this.#trained.delete(known);
    return samples === 0
      ? { loss: 0, accuracy: 0 }
      : { loss: loss / samples, accuracy: correct / samples };
  }

  #takeRows(): { computed: number; cached: number } {
    const sum = { computed: 0, cached: 0 };
    for (const { computed, cached } of this.#rows.values()) {
      sum.computed += computed;
      sum.cached += cached;
    }
    const before = this.#rowsTold;
    this.#rowsTold = sum;
    return { computed: sum.computed - before.computed, cached: sum.cached - before.cached };
  }

  /** An average that forgets with time, not with the number of steps: steps take 2 ms or 2 s. */
  #measureSpeed(nowMs: number): void {
    const { perMs, samples, sinceMs } = this.#speed;
    const elapsedMs = nowMs - sinceMs;
    if (elapsedMs <= 0) return;
    const now = samples / elapsedMs;
    const keep = perMs === 0 ? 0 : Math.exp(-elapsedMs / speedMs);
    this.#speed = { perMs: keep * perMs + (1 - keep) * now, samples: 0, sinceMs: nowMs };
  }
}
