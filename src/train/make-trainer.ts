import type { Partial } from '../collective/messages.js';
import { sumOwned } from '../collective/tree.js';
import type { RunSpec } from '../config/run-spec.js';
import type { Manifest } from '../data/manifest.js';
import type { Plan } from '../data/plan.js';
import type { GradientEngine } from '../engines/gradient-engine.js';
import { FtctlError } from '../errors/index.js';
import type { FeatureSource } from '../features/feature-source.js';
import { noTimeline, type Timeline } from '../metrics/timeline.js';
import { headLayout, initialHead } from '../models/head.js';
import type { HeadDescription } from '../models/prepared-model.js';
import type { StateRef } from '../rpc/control-messages.js';
import { extendLedger } from '../state/ledger.js';
import { decodeSnapshot, encodeSnapshot, snapshotHash } from '../state/snapshot.js';
import { initialState, type TrainingState } from '../state/training-state.js';
import { InTurn } from '../util/in-turn.js';
import { applyEvaluation, computeEvaluation } from './evaluate.js';
import { FeatureQueue } from './feature-queue.js';
import { applySwitch, computeSwitch } from './phase-switch.js';
import { numRounds, planRound, type RoundSchedule } from './phases.js';
import { featureRequests } from './rows.js';
import type { RoundScores, RunParts } from './run-parts.js';
import { learningRateAt } from './schedule.js';
import { applyStep, computeStep } from './step.js';
import type { RoundOutcome, RoundPlan, ShardRange, Snapshot, Trainer } from './trainer.js';

/** What a trainer is made of. */
export interface TrainerOptions {
  readonly spec: RunSpec;
  readonly plan: Plan;
  readonly manifest: Manifest;
  readonly features: FeatureSource;
  readonly engine: GradientEngine;
  readonly head: HeadDescription;
  readonly timeline?: Timeline;
  /** Weight of each sample in losses and their means, by sample index (a weight for each class is one way to make them); default 1. */
  readonly sampleWeights?: Float32Array;
}

/**
 * The run as rounds, at round 0 with the classifier that the seed gives. The engine and the feature source stay the
 * caller's to close. Throws FT_SPLIT_EMPTY where there is nothing to train on or to choose the best epoch by.
 */
export function makeTrainer(options: TrainerOptions): Trainer {
  return new RoundTrainer(options);
}

/** The rounds of a run, from what every process of it knows. */
export function roundSchedule(
  spec: Pick<RunSpec, 'phases'>,
  plan: Plan,
  numParameters: number,
): RoundSchedule {
  return {
    phases: spec.phases,
    numTrainSteps: plan.numTrainSteps,
    hasTest: plan.splitSize('test') > 0,
    numParameters,
  };
}

class RoundTrainer implements Trainer {
  readonly #run: RunParts;
  readonly #source: FeatureSource;
  readonly #schedule: RoundSchedule;
  readonly #numRounds: number;
  #state: TrainingState;
  /** Of the state as it is; encoded at most once per state. */
  #snapshot: Snapshot | undefined;
  /** Whatever reads or moves the whole state. */
  readonly #inTurn = new InTurn();
  #features: { readonly shards: ShardRange; readonly queue: FeatureQueue } | undefined;

  constructor(options: TrainerOptions) {
    const { spec, plan, manifest, features, engine, head } = options;
    for (const split of ['train', 'val'] as const) assertNotEmpty(plan, split);
    this.#source = features;
    this.#run = {
      spec,
      plan,
      engine,
      numFeatures: head.numFeatures,
      scratch_P: new Float32Array(headLayout(head).length),
      timeline: options.timeline ?? noTimeline,
      table: {
        labels: Int32Array.from(manifest.samples, (sample) => sample.label),
        weights: options.sampleWeights ?? new Float32Array(manifest.samples.length).fill(1),
      },
    };
    this.#schedule = roundSchedule(spec, plan, headLayout(head).length);
    this.#numRounds = numRounds(this.#schedule);
    this.#state = initialState(initialHead(head, spec.seed));
  }

  get round(): number {
    return this.#state.round;
  }

  get ledger(): string {
    return this.#state.ledger;
  }

  get finished(): boolean {
    return this.#state.round === this.#numRounds;
  }

  get epoch(): number {
    return this.#state.epoch;
  }

  next(): RoundPlan {
    return planRound(this.#schedule, this.#state.round + 1);
  }

  async compute(plan: RoundPlan, shards: ShardRange, signal: AbortSignal): Promise<Partial[]> {
    this.#assertNext(plan);
    signal.throwIfAborted();
    const vectors = await this.#vectors(plan, shards, signal);
    return sumOwned(shards.firstShard, vectors, this.#run.plan.numShards);
  }

  async #vectors(
    plan: RoundPlan,
    shards: ShardRange,
    signal: AbortSignal,
  ): Promise<Float32Array[]> {
    const context = { run: this.#run, state: this.#state, features: this.#queueFor(shards) };
    switch (plan.kind) {
      case 'step':
        return computeStep(context, plan, shards, signal);
      case 'evaluate':
        return computeEvaluation(context, plan, shards, signal);
      case 'phase':
        return computeSwitch(shards);
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
    return this.#inTurn.do(() => (this.#snapshot ??= encodeSnapshot(this.#state)));
  }

  restore(snapshot: Snapshot): Promise<void> {
    return this.#inTurn.do(() => {
      this.#restore(snapshot);
    });
  }

  #apply(plan: RoundPlan, reduced: Float32Array): RoundOutcome {
    this.#assertNext(plan);
    if (reduced.length !== plan.vectorLength) {
      throw new RangeError(
        `Round ${plan.round} takes ${plan.vectorLength} values, not ${reduced.length}.`,
      );
    }
    const scores = this.#applyScores(plan, reduced);
    const state = this.#state;
    state.round = plan.round;
    state.phase = plan.phase;
    state.epoch = plan.epoch;
    state.ledger = extendLedger(state.ledger, plan.round, reduced);
    this.#snapshot = undefined;
    return {
      plan,
      ...scores,
      learningRate: learningRateAt(this.#run.spec.phases, plan.phase, plan.epoch),
      checkpointDue: this.#isCheckpointDue(plan),
      finished: this.finished,
    };
  }

  #restore(snapshot: Snapshot): void {
    const state = decodeSnapshot(snapshot.bytes);
    const hash = snapshotHash(snapshot.bytes);
    if (hash !== snapshot.hash) {
      throw new FtctlError('FT_CHECKPOINT_DAMAGED', {
        what: `The state of round ${snapshot.round} has the hash ${hash}, not ${snapshot.hash}.`,
      });
    }
    this.#assertFits(state);
    this.#state = state;
    this.#snapshot = snapshot;
    this.#features?.queue.discard();
    this.#features = undefined;
  }

  #applyScores(plan: RoundPlan, reduced: Float32Array): RoundScores {
    switch (plan.kind) {
      case 'step':
        return applyStep(this.#run, this.#state, plan, reduced);
      case 'evaluate':
        return applyEvaluation(this.#run, this.#state, plan, reduced);
      case 'phase':
        return applySwitch(this.#run, this.#state, plan, reduced);
    }
  }

  /** After an epoch's evaluation on val: every so many epochs, and the run's last. */
  #isCheckpointDue(plan: RoundPlan): boolean {
    if (plan.kind !== 'evaluate' || plan.split !== 'val') return false;
    const numEpochs = this.#run.spec.phases.reduce((sum, phase) => sum + phase.epochs, 0);
    const epochsDone = plan.epoch + 1;
    return epochsDone % this.#run.spec.checkpoint.everyEpochs === 0 || epochsDone === numEpochs;
  }

  /** Kept while the shards stay; other shards need other rows. */
  #queueFor(shards: ShardRange): FeatureQueue {
    const current = this.#features;
    if (
      current?.shards.firstShard === shards.firstShard &&
      current.shards.numShards === shards.numShards
    ) {
      return current.queue;
    }
    current?.queue.discard();
    const queue = new FeatureQueue(this.#source, (round) =>
      round > this.#numRounds
        ? undefined
        : featureRequests(this.#run.plan, planRound(this.#schedule, round), shards),
    );
    this.#features = { shards, queue };
    return queue;
  }

  #assertNext(plan: RoundPlan): void {
    if (plan.round !== this.#state.round + 1) {
      throw new RangeError(`Round ${plan.round} is not the one after ${this.#state.round}.`);
    }
  }

  /** A state whose place in this run is another one than in the run that it comes from would go on wrongly. */
  #assertFits(state: TrainingState): void {
    const { numParameters } = this.#schedule;
    if (state.parameters.length !== numParameters) {
      throw mismatch(
        `it has ${state.parameters.length} trainable parameters, this run has ${numParameters}`,
      );
    }
    if (state.round > this.#numRounds) {
      throw mismatch(`it is at round ${state.round}, this run ends at round ${this.#numRounds}`);
    }
    if (state.round === 0) return;
    const plan = planRound(this.#schedule, state.round);
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
