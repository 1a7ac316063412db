import { unstartedLedger } from './ledger.js';

/**
 * All that later decisions read. Every worker holds the same one, bit for bit, after the same round; nothing that
 * differs between workers (ranks, times, caches) may enter it. Arrays are in ParameterLayout order.
 */
export interface TrainingState {
  /** Rounds applied. What round comes next, and the step in its epoch, follow from it alone (train/phases.ts). */
  round: number;
  /** Of the last applied round; kept to recognise a state of another configuration. Epochs count over the run. */
  phase: number;
  epoch: number;
  parameters: Float32Array;
  /** The optimizer's: Adam's exp_avg and exp_avg_sq, SGD's momentum buffer and nothing. */
  firstMoments: Float32Array;
  secondMoments: Float32Array;
  /** Updates since the moments were fresh: Adam's `step`. */
  updates: number;
  /** Running statistics of the batch norms that a phase with `batchNorm: shard` trains (models/run-tensors.ts has the layout). */
  statistics: Float32Array;
  /** Training samples used since the run began, repeats included. */
  samples: number;
  /** Of the epoch that is running; fresh after its evaluation. */
  epochSums: EpochSums;
  best: BestState | null;
  /** One record for each evaluation on val, oldest first. */
  history: EvaluationRecord[];
  /** The one score on test, with the best parameters; null until the run's last round. */
  test: TestScore | null;
  /** Running SHA-256 of the reduced vectors, lower-case hex (ledger.ts). */
  ledger: string;
}

/** Sums over an epoch's steps so far: of weight * loss, of weights, of right answers, of samples. */
export interface EpochSums {
  readonly loss: number;
  readonly weight: number;
  readonly correct: number;
  readonly count: number;
}

/** The parameters and statistics after the epoch with the best value of `best.metric` on val so far. */
export interface BestState {
  readonly phase: number;
  readonly epoch: number;
  readonly value: number;
  readonly parameters: Float32Array;
  readonly statistics: Float32Array;
}

/** Means of one epoch: over its training steps as they were taken, and over val after them. */
export interface EvaluationRecord {
  readonly phase: number;
  readonly epoch: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly valLoss: number;
  readonly valAccuracy: number;
  readonly learningRate: number;
}

export interface TestScore {
  readonly loss: number;
  readonly accuracy: number;
}

export const noEpochSums: EpochSums = { loss: 0, weight: 0, correct: 0, count: 0 };

/** The state before round 1. Takes copies of what it is given, in memory from `allocate`. */
export function initialState(
  { parameters, statistics }: Pick<TrainingState, 'parameters' | 'statistics'>,
  allocate = (length: number): Float32Array => new Float32Array(length),
): TrainingState {
  const own = allocate(parameters.length);
  own.set(parameters);
  return {
    round: 0,
    phase: 0,
    epoch: 0,
    parameters: own,
    firstMoments: allocate(parameters.length),
    secondMoments: allocate(parameters.length),
    updates: 0,
    statistics: statistics.slice(),
    samples: 0,
    epochSums: noEpochSums,
    best: null,
    history: [],
    test: null,
    ledger: unstartedLedger,
  };
}
