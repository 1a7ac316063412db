import type { Partial } from '../collective/messages.js';
import type { RunSpec } from '../config/run-spec.js';
import type { Manifest } from '../data/manifest.js';
import type { Plan } from '../data/plan.js';
import { FtctlError } from '../errors/index.js';
import type { FeatureRequest } from '../features/feature-source.js';
import { noTimeline, type Timeline } from '../metrics/timeline.js';
import type { TrainingTensors } from '../engines/phase-engine.js';
import type { StateRef } from '../rpc/control-messages.js';
import { snapshotHash } from '../state/snapshot.js';
import { initialState, type TrainingState } from '../state/training-state.js';
import { InTurn } from '../util/in-turn.js';
import { applyEvaluation, computeEvaluation } from './evaluate.js';
import { OpenedPhases, type OpenPhase } from './phase-parts.js';
import { applySwitch, computeSwitch } from './phase-switch.js';
import { batchesOf, numRounds, planRound, type RoundSchedule } from './round-plan.js';
import { evaluationRuns, microbatches, requestOf } from './rows.js';
import { runPhases, type PhasedModel, type RunPhase } from './run-phase.js';
import type { RoundScores, RunParts } from './run-parts.js';
import { applyStep, computeStep } from './step.js';
import { inlineStateWork, type StateWork } from './state-work.js';
import type { OpenableTrainer, RoundOutcome, RoundPlan, ShardRange, Snapshot } from './trainer.js';
import { warmUp } from './warm-up.js';

/** What a trainer is made of. */
export interface TrainerOptions {
  readonly spec: RunSpec;
  readonly plan: Plan;
  readonly manifest: Manifest;
  readonly model: PhasedModel;
  /** What training starts from. */
  readonly initial: TrainingTensors;
  readonly open: OpenPhase;
  /** Absent: in the calling thread. */
  readonly work?: StateWork;
  /** Takes the arrays of long vectors that are not needed any more. Absent: nobody does. */
  readonly recycle?: (values: Float32Array) => void;
  readonly timeline?: Timeline;
}

/**
 * The run as rounds, at round 0. Engines, feature sources and the state's work stay the caller's to close. Throws FT_SPLIT_EMPTY where
 * there is nothing to train on or to choose the best epoch by.
 */
export function makeTrainer(options: TrainerOptions): OpenableTrainer {
  return new RoundTrainer(options);
}

/** The rounds of a run, from what every process of it knows. */
export function roundSchedule(plan: Plan, phases: readonly RunPhase[]): RoundSchedule {
  return {
    phases: phases.map(({ spec }) => spec),
    stepLengths: phases.map(({ stepLength }) => stepLength),
    numBatches: plan.numTrainSteps,
    hasTest: plan.splitSize('test') > 0,
  };
}

class RoundTrainer implements OpenableTrainer {
  readonly #run: RunParts;
  readonly #opened: OpenedPhases;
  #state: TrainingState;
  /** Of the state as it is; encoded at most once per state. */
  #snapshot: Snapshot | undefined;
  /** Whatever reads or moves the whole state. */
  readonly #inTurn = new InTurn();

  constructor(options: TrainerOptions) {
    const { spec, plan, manifest, model, initial, work = inlineStateWork() } = options;
    for (const split of ['train', 'val'] as const) assertNotEmpty(plan, split);
    const phases = runPhases(spec.phases, model, manifest);
    this.#run = {
      ...{ spec, plan, phases, work },
      schedule: roundSchedule(plan, phases),
      recycle: options.recycle ?? (() => undefined),
      timeline: options.timeline ?? noTimeline,
      numClasses: model.numClasses,
      labels: Int32Array.from(manifest.samples, (sample) => sample.label),
      ids: manifest.samples.map((sample) => sample.id),
    };
    this.#opened = new OpenedPhases({
      open: options.open,
      warmUp: (engine, phase, shards) => warmUp(engine, this.#run, this.#state, { phase, shards }),
      requestsOf: (phase, round, shards) => this.#requestsOf(phase, round, shards),
    });
    this.#state = initialState(initial, (length) => work.allocate(length));
  }

  get round(): number {
    return this.#state.round;
  }

  get ledger(): string {
    return this.#state.ledger;
  }

  get finished(): boolean {
    return this.#state.round === numRounds(this.#run.schedule, this.#state.history);
  }

  get epoch(): number {
    return this.#state.epoch;
  }

  next(): RoundPlan {
    return this.#planOf(this.#state.round + 1);
  }

  async open(shards: ShardRange, signal: AbortSignal): Promise<void> {
    if (!this.finished) await this.#opened.engine(this.next().phase, shards, signal);
  }

  async compute(plan: RoundPlan, shards: ShardRange, signal: AbortSignal): Promise<Partial[]> {
    this.#assertNext(plan);
    signal.throwIfAborted();
    const context = { run: this.#run, state: this.#state, opened: this.#opened };
    switch (plan.kind) {
      case 'step':
        return computeStep(context, plan, shards, signal);
      case 'evaluate':
        return computeEvaluation(context, plan, shards, signal);
      case 'phase':
        return computeSwitch(context, plan, shards, signal);
    }
  }

  apply(plan: RoundPlan, reduced: Float32Array): Promise<RoundOutcome> {
    return this.#inTurn.do(() => this.#apply(plan, reduced));
  }

  async stateRef(): Promise<StateRef> {
    const { round, hash } = await this.snapshot();
    return { round, hash };
  }

  snapshot(): Promise<Snapshot> {
    return this.#inTurn.do(
      async () => (this.#snapshot ??= await this.#run.work.snapshot(this.#state)),
    );
  }

  restore(snapshot: Snapshot): Promise<void> {
    return this.#inTurn.do(() => this.#restore(snapshot));
  }

  async #apply(plan: RoundPlan, reduced: Float32Array): Promise<RoundOutcome> {
    this.#assertNext(plan);
    if (reduced.length !== plan.vectorLength) {
      throw new RangeError(
        `Round ${plan.round} takes ${plan.vectorLength} values, not ${reduced.length}.`,
      );
    }
    // What came after the round if the phase went on: asked for ahead.
    const expected = this.#upcoming(plan.round);
    const scores = await this.#applyScores(plan, reduced);
    const state = this.#state;
    state.round = plan.round;
    state.phase = plan.phase;
    state.epoch = plan.epoch;
    this.#snapshot = undefined;
    if (this.#upcoming(plan.round)?.kind !== expected?.kind) this.#opened.discard();
    return {
      plan,
      ...scores,
      checkpointDue: this.#isCheckpointDue(plan),
      finished: this.finished,
    };
  }

  async #restore(snapshot: Snapshot): Promise<void> {
    const state = await this.#run.work.restore(snapshot.bytes);
    const hash = snapshotHash(snapshot.bytes);
    if (hash !== snapshot.hash) {
      throw new FtctlError('FT_CHECKPOINT_DAMAGED', {
        what: `The state of round ${snapshot.round} has the hash ${hash}, not ${snapshot.hash}.`,
      });
    }
    this.#assertFits(state);
    this.#state = state;
    this.#snapshot = snapshot;
    this.#opened.discard();
  }

  #applyScores(plan: RoundPlan, reduced: Float32Array): Promise<RoundScores> {
    switch (plan.kind) {
      case 'step':
        return applyStep(this.#run, this.#state, plan, reduced);
      case 'evaluate':
        return applyEvaluation(this.#run, this.#state, plan, reduced);
      case 'phase':
        return applySwitch(this.#run, this.#state, plan, reduced);
    }
  }

  #planOf(round: number): RoundPlan {
    return planRound(this.#run.schedule, this.#state.history, round);
  }

  /** The round after `round`, as far as the history tells; undefined at the end. */
  #upcoming(round: number): RoundPlan | undefined {
    const { schedule } = this.#run;
    const { history } = this.#state;
    return round < numRounds(schedule, history) ? this.#planOf(round + 1) : undefined;
  }

  /** After an epoch's evaluation on val: every so many epochs, and the last of each phase. */
  #isCheckpointDue(plan: RoundPlan): boolean {
    if (plan.kind !== 'evaluate' || plan.split !== 'val') return false;
    const isLast = this.#upcoming(plan.round)?.kind !== 'step';
    return isLast || (plan.epoch + 1) % this.#run.spec.checkpoint.everyEpochs === 0;
  }

  /** The rows that a round of the phase uses, in the order in which computing it uses them. */
  #requestsOf(phase: number, round: number, shards: ShardRange): FeatureRequest[] | undefined {
    const { schedule, plan, phases } = this.#run;
    const next = this.#upcoming(round - 1);
    if (next?.phase !== phase) return undefined;
    switch (next.kind) {
      case 'step': {
        const { first, end } = batchesOf(schedule, next);
        const { sampling } = phases[phase]!.spec;
        return Array.from({ length: end - first }, (_, i) =>
          requestOf(
            microbatches(plan, { epoch: next.epoch, batch: first + i, sampling }, shards),
            plan.rowsPerShard,
          ),
        );
      }
      case 'evaluate':
        return evaluationRuns(plan, next, shards, phases[phase]!.numFeatures).map((chunks) =>
          requestOf(chunks, plan.rowsPerShard),
        );
      case 'phase':
        return [];
    }
  }

  #assertNext(plan: RoundPlan): void {
    if (plan.round !== this.#state.round + 1) {
      throw new RangeError(`Round ${plan.round} is not the one after ${this.#state.round}.`);
    }
  }

  /** A state whose place in this run is another one than in the run that it comes from would go on wrongly. */
  #assertFits(state: TrainingState): void {
    const { parameters, statistics } = this.#state;
    if (state.parameters.length !== parameters.length) {
      throw mismatch(
        `it has ${state.parameters.length} trainable parameters, this run has ${parameters.length}`,
      );
    }
    if (state.statistics.length !== statistics.length) {
      throw mismatch(
        `it has ${state.statistics.length} batch-norm statistics that move, this run has ${statistics.length}`,
      );
    }
    const { schedule } = this.#run;
    const last = numRounds(schedule, state.history);
    if (state.round > last) {
      throw mismatch(`it is at round ${state.round}, this run ends at round ${last}`);
    }
    if (state.round === 0) return;
    const plan = planRound(schedule, state.history, state.round);
    const isTest = plan.kind === 'evaluate' && plan.split === 'test';
    if (
      state.phase !== plan.phase ||
      state.epoch !== plan.epoch ||
      (state.test !== null) !== isTest
    ) {
      throw mismatch(
        `its round ${state.round} is in phase ${state.phase}, epoch ${state.epoch + 1}; this run's is in phase ${plan.phase}, epoch ${plan.epoch + 1}`,
      );
    }
  }
}

function assertNotEmpty(plan: Plan, split: 'train' | 'val'): void {
  if (plan.splitSize(split) > 0) return;
  const use = split === 'train' ? 'train on' : 'choose the best epoch by';
  throw new FtctlError('FT_SPLIT_EMPTY', {
    what: `The ${split} split has no samples.`,
    why: `At least one is needed to ${use}.`,
    details: { split },
  });
}

function mismatch(reason: string): FtctlError {
  return new FtctlError('FT_CHECKPOINT_MISMATCH', {
    what: `The checkpoint does not fit into this run: ${reason}.`,
  });
}
