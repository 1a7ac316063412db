import type { RunEventBody } from '../control/events.js';
import type { RoundReport } from '../rpc/control-messages.js';
import type { LedgerEntry } from './ledger.js';
import { PhaseStory, type PhaseStoryOptions } from './phase-story.js';

/** A watcher is told of at most one step in this time. */
const stepEveryMs = 100;
/** Time constant of the shown speed. */
const speedMs = 2000;

export interface NarratorOptions extends PhaseStoryOptions {
  /** Steps of an epoch, by phase. */
  readonly steps: readonly number[];
}

/** An evaluation or a phase's beginning. */
interface Milestone {
  readonly report: RoundReport;
  /** Incarnations that have delivered it. */
  readonly from: Set<string>;
}

/** An epoch of this life: its samples, and when it began, had its last step, and was evaluated. */
interface EpochTimes {
  readonly samples: number;
  readonly beganMs: number;
  readonly lastStepMs: number;
}

/**
 * Makes events out of the workers' reports: throttled steps, one event per epoch, phase and test. Times are those of the
 * first report's arrival. An epoch is told once every member has reported its evaluation, since each one reports its own
 * share of the work; then the next one may have begun.
 */
export class RunNarrator {
  readonly #steps: readonly number[];
  readonly #story: PhaseStory;
  #numMembers = 1;
  #epoch: EpochTimes = { samples: 0, beganMs: 0, lastStepMs: 0 };
  /** Epochs that are over and not told yet, by the round of their evaluation. */
  readonly #over = new Map<number, EpochTimes & { readonly endedMs: number }>();
  /** Rows by incarnation, totals since the worker started; and their sum when the last epoch was told. */
  readonly #rows = new Map<string, { computed: number; cached: number }>();
  #rowsTold = { computed: 0, cached: 0 };
  readonly #best = new Set<number>();
  /** What some members have not reported yet, by round. */
  readonly #milestones = new Map<number, Milestone>();
  /** Of the milestones that were told, the last one's round: none is told twice, also where rounds are run again. */
  #toldRound = -1;
  #lastStepToldMs = Number.NEGATIVE_INFINITY;
  #speed = { perMs: 0, samples: 0, sinceMs: 0 };
  #total: { samples: number; readonly beganMs: number; endedMs: number } | null = null;

  constructor({ steps, ...story }: NarratorOptions) {
    this.#steps = steps;
    this.#story = new PhaseStory(story);
  }

  /** Training samples of this life of the coordinator, and the seconds from the first commit to the last report. */
  get trained(): { readonly samples: number; readonly seconds: number } {
    const { samples, beganMs, endedMs } = this.#total ?? { samples: 0, beganMs: 0, endedMs: 0 };
    return { samples, seconds: Math.max(0, endedMs - beganMs) / 1000 };
  }

  /**
   * A generation begins: its members report from here on, and what was waiting for those of the one before is told. Times
   * and samples go on: what a change takes is time of the run.
   */
  began(nowMs: number, numMembers: number): RunEventBody[] {
    this.#numMembers = numMembers;
    if (this.#total !== null) return this.ended(nowMs);
    this.#startEpoch(nowMs);
    this.#speed = { ...this.#speed, samples: 0, sinceMs: nowMs };
    this.#total = { samples: 0, beganMs: nowMs, endedMs: nowMs };
    return [];
  }

  /** A worker said that the state of this round is the best so far; it says so before it reports the round. */
  bestAt(round: number): void {
    this.#best.add(round);
  }

  /** A round that nobody had reported before. */
  first(nowMs: number, entry: LedgerEntry, learningRate: number): RunEventBody[] {
    const total = (this.#total ??= { samples: 0, beganMs: nowMs, endedMs: nowMs });
    total.endedMs = nowMs;
    if (entry.kind === 'phase') this.#startEpoch(nowMs); // To open it took time that is no step's.
    if (entry.split === 'val') this.#endEpoch(nowMs, entry.round);
    if (entry.kind !== 'step') return [];
    const { samples, beganMs } = this.#epoch;
    this.#epoch = { samples: samples + entry.samples, beganMs, lastStepMs: nowMs };
    total.samples += entry.samples;
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
          epochs: this.#story.epochs,
          step,
          steps: this.#steps[phase]!,
        },
        ...{ loss, accuracy, learningRate, imagesPerSecond: this.#speed.perMs * 1000 },
      },
    ];
  }

  /** Any member's report, also of a round that is known. */
  reported(nowMs: number, from: string, report: RoundReport): RunEventBody[] {
    const { rowsComputed, rowsCached } = report.local;
    this.#rows.set(from, { computed: rowsComputed, cached: rowsCached });
    if (report.kind === 'step' || report.round <= this.#toldRound) return [];
    const milestone = this.#milestones.get(report.round) ?? { report, from: new Set<string>() };
    this.#milestones.set(report.round, milestone);
    milestone.from.add(from);
    return milestone.from.size < this.#numMembers ? [] : this.#tellUpTo(nowMs, report.round);
  }

  /** The run is over: what is still waiting for a member's report is told without it. */
  ended(nowMs: number): RunEventBody[] {
    return this.#tellUpTo(nowMs, Number.POSITIVE_INFINITY);
  }

  /** In order: nobody who has not reported an earlier one will any more. */
  #tellUpTo(nowMs: number, round: number): RunEventBody[] {
    const due = [...this.#milestones.values()].filter(({ report }) => report.round <= round);
    due.sort((a, b) => a.report.round - b.report.round);
    return due.flatMap((milestone) => this.#tell(nowMs, milestone));
  }

  #tell(nowMs: number, { report }: Milestone): RunEventBody[] {
    this.#milestones.delete(report.round);
    this.#toldRound = report.round;
    const { kind, phase, epoch, loss, accuracy, samples, split } = report;
    if (kind === 'phase') return [this.#story.switched(phase, epoch)];
    if (split === 'test') return [{ type: 'test', loss, accuracy, samples }];
    return this.#tellEpoch(nowMs, report);
  }

  #tellEpoch(nowMs: number, report: RoundReport): RunEventBody[] {
    const { phase, epoch, loss, accuracy, learningRate, round, epochTraining } = report;
    const times = this.#over.get(round) ?? { ...this.#epoch, endedMs: nowMs };
    this.#over.delete(round);
    const rows = this.#takeRows();
    const isBest = this.#best.delete(round);
    const evaluation = { phase, epoch, valLoss: loss, valAccuracy: accuracy };
    const stopped = this.#story.evaluated(evaluation, isBest);
    const trainMs = times.lastStepMs - times.beganMs;
    const event: RunEventBody = {
      type: 'epoch',
      ...{ phase, epoch, epochs: this.#story.epochs },
      train: epochTraining ?? { loss: 0, accuracy: 0 },
      ...{ val: { loss, accuracy }, learningRate, isBest },
      seconds: (times.endedMs - times.beganMs) / 1000,
      imagesPerSecond: trainMs > 0 ? (times.samples * 1000) / trainMs : 0,
      ...{ rowsComputed: rows.computed, rowsCached: rows.cached },
    };
    return [event, ...stopped];
  }

  #startEpoch(nowMs: number): void {
    this.#epoch = { samples: 0, beganMs: nowMs, lastStepMs: nowMs };
  }

  #endEpoch(nowMs: number, round: number): void {
    this.#over.set(round, { ...this.#epoch, endedMs: nowMs });
    this.#startEpoch(nowMs);
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
