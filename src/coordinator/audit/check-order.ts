import type { RunSpec } from '../../config/run-spec.js';
import type { Plan } from '../../data/plan.js';
import { batchesOf, numRounds, planRound, type RoundSchedule } from '../../train/round-plan.js';
import type { RoundPlan } from '../../train/trainer.js';
import type { LedgerEntry } from '../ledger.js';
import type { Finding } from './finding.js';
import type { Life } from './lives.js';
import { isEpochEnd } from './tell-story.js';

/** What the rounds of a life follow from. */
export interface LifePlan {
  readonly spec: RunSpec;
  readonly plan: Plan;
  /** The last phase's epochs in each configuration that the run has had: it may have been given more of them. */
  readonly lastEpochs: readonly number[];
}

/** The schedule of a run whose last phase has so many epochs. */
export function scheduleOf({ spec, plan }: LifePlan, lastEpochs: number): RoundSchedule {
  const last = spec.phases.length - 1;
  return {
    phases: spec.phases.map((phase, index) =>
      index === last ? { ...phase, epochs: lastEpochs } : phase,
    ),
    // Lengths of vectors are no part of an entry.
    stepLengths: spec.phases.map(() => 0),
    numBatches: plan.numTrainSteps,
    hasTest: plan.splitSize('test') > 0,
  };
}

/**
 * Compares the rounds of one life with those that its configuration and images give: kind, phase, epoch, step and split of each, how many
 * samples it used, and where a finished run ends, early stopping included. Stops at the first round that is in the wrong place. Pure.
 */
export function checkOrder(life: Life, from: LifePlan): Finding[] {
  const findings: Finding[] = [];
  const find = (line: number, what: string): void => {
    findings.push({ check: 'samples', line, what });
  };
  const longest = scheduleOf(from, Math.max(...from.lastEpochs));
  const history: History = life.history.map(evaluationOf);
  const sizes = new StepSizes(from, longest);
  for (const { entry, line } of life.rounds) {
    const { round } = entry;
    const plan = plannedRound(from, longest, history, entry);
    if (plan === undefined || !isPlanned(entry, plan)) {
      const planned = plan === undefined ? 'the end of the run' : describePlan(plan);
      find(line, `Round ${round} is ${describePlan(entry)}; by the plan it is ${planned}.`);
      return findings;
    }
    const samples = sizes.of(plan);
    if (entry.samples !== samples) {
      find(line, `Round ${round} used ${entry.samples} samples; by the plan it has ${samples}.`);
    }
    if (isEpochEnd(entry)) history.push(evaluationOf(entry));
  }
  const { end } = life;
  if (end?.status === 'finished') {
    const last = life.rounds.at(-1)?.entry.round ?? life.start ?? 0;
    const ends = from.lastEpochs.map((epochs) => numRounds(scheduleOf(from, epochs), history));
    if (!ends.includes(last)) {
      find(
        end.line,
        `The run finished after round ${last}; by the plan its last is ${ends.at(-1)}.`,
      );
    }
  }
  return findings;
}

type History = Parameters<typeof planRound>[1][number][];

function evaluationOf({ phase, loss, accuracy }: LedgerEntry): History[number] {
  return { phase, valLoss: loss, valAccuracy: accuracy };
}

/** A test score ends a run; in one that was given more epochs since, another round has its number. */
function plannedRound(
  from: LifePlan,
  longest: RoundSchedule,
  history: History,
  { round, split }: LedgerEntry,
): RoundPlan | undefined {
  const shorter = from.lastEpochs.map((epochs) => scheduleOf(from, epochs));
  const ended =
    split === 'test'
      ? shorter.find((schedule) => numRounds(schedule, history) === round)
      : undefined;
  const schedule = ended ?? longest;
  if (round > numRounds(schedule, history)) return undefined;
  return planRound(schedule, history, round);
}

function isPlanned(entry: LedgerEntry, plan: RoundPlan): boolean {
  const { kind, phase, epoch } = plan;
  if (entry.kind !== kind || entry.phase !== phase || entry.epoch !== epoch) return false;
  if (plan.kind === 'step') return entry.step === plan.step && entry.split === 'train';
  return entry.step === 0 && entry.split === (plan.kind === 'evaluate' ? plan.split : 'train');
}

/** `step 3 of epoch 2 (phase 1)`: counted from 1, for people. */
function describePlan(round: LedgerEntry | RoundPlan): string {
  const place = `epoch ${round.epoch + 1} (phase ${round.phase + 1})`;
  switch (round.kind) {
    case 'step':
      return `step ${round.step + 1} of ${place}`;
    case 'evaluate':
      return `the evaluation on ${round.split} in ${place}`;
    case 'phase':
      return `the start of phase ${round.phase + 1}`;
  }
}

/** How many samples each round has; those of a step are the same in each epoch. */
class StepSizes {
  readonly #from: LifePlan;
  readonly #schedule: RoundSchedule;
  readonly #batches = new Map<number, number>();

  constructor(from: LifePlan, schedule: RoundSchedule) {
    this.#from = from;
    this.#schedule = schedule;
  }

  of(round: RoundPlan): number {
    if (round.kind === 'phase') return 0;
    if (round.kind === 'evaluate') return this.#from.plan.splitSize(round.split);
    const { first, end } = batchesOf(this.#schedule, round);
    let sum = 0;
    for (let batch = first; batch < end; batch += 1) sum += this.#batch(batch);
    return sum;
  }

  #batch(batch: number): number {
    const known = this.#batches.get(batch);
    if (known !== undefined) return known;
    const { plan } = this.#from;
    let size = 0;
    for (let shard = 0; shard < plan.numShards; shard += 1) {
      size += plan.trainMicrobatch(0, batch, shard).samples.length;
    }
    this.#batches.set(batch, size);
    return size;
  }
}
