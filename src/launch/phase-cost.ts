import type { RunSpec } from '../config/run-spec.js';
import type { ProbeMeasures } from '../worker/probe-messages.js';

/** What a phase's steps take, measured with all workers at work. */
export interface PhaseTimes {
  /** Of the worker with the most. */
  readonly numRows: number;
  /** To make the features of a batch, none of them cached. */
  readonly featureSeconds: number;
  /** Gradients of a batch, its features cached. */
  readonly gradientSeconds: number;
  /** Of an update: the sum over all workers, and what it does to the state. */
  readonly exchangeSeconds: number;
  readonly updateSeconds: number;
  /** The loss of a batch of the evaluation. */
  readonly evaluationSeconds: number;
  /** A copy of the state, at the end of an epoch. */
  readonly checkpointSeconds: number;
  /** CPU time of all workers for the features of a batch, and for all else of it. */
  readonly featureCpuSeconds: number;
  readonly batchCpuSeconds: number;
}

/** A step waits for the slowest worker; that one waits for nobody, so that its wait is the exchange. */
export function timesOf(workers: readonly ProbeMeasures[]): PhaseTimes {
  const most = (valueOf: (worker: ProbeMeasures) => number): number =>
    Math.max(...workers.map(valueOf));
  const total = (valueOf: (worker: ProbeMeasures) => number): number =>
    workers.reduce((sum, worker) => sum + valueOf(worker), 0);
  const gradientSeconds = most(({ batch }) => batch.seconds);
  const slowest = workers.find(({ batch }) => batch.seconds === gradientSeconds)!;
  return {
    numRows: most(({ numRows }) => numRows),
    featureSeconds: most(({ features }) => features.seconds),
    gradientSeconds,
    exchangeSeconds: slowest.exchangeSeconds,
    updateSeconds: slowest.updateSeconds,
    evaluationSeconds: most((worker) => worker.evaluationSeconds),
    checkpointSeconds: most((worker) => worker.checkpointSeconds),
    featureCpuSeconds: total(({ features }) => features.cpuSeconds),
    batchCpuSeconds: total(({ batch }) => batch.cpuSeconds),
  };
}

export interface EpochSize {
  /** Global batches and updates of an epoch. */
  readonly numBatches: number;
  readonly numUpdates: number;
  /** Of the evaluation, the last one as the part that it is. */
  readonly numEvaluationBatches: number;
  readonly cores: number;
}

/**
 * Seconds of an epoch whose features are made, and of one whose features are all there. Features are made while gradients are computed: a batch takes as
 * long as the slower of both, and no less than the cores need for the work of both.
 */
export function epochSeconds(
  times: PhaseTimes,
  { numBatches, numUpdates, numEvaluationBatches, cores }: EpochSize,
): { readonly making: number; readonly cached: number } {
  const ofUpdates = (numUpdates / numBatches) * (times.exchangeSeconds + times.updateSeconds);
  const cachedBatch = times.gradientSeconds + ofUpdates;
  const cpuSeconds = times.featureCpuSeconds + times.batchCpuSeconds;
  const batch = Math.max(times.featureSeconds, cachedBatch, cpuSeconds / cores);
  const evaluation = (features: number): number =>
    numEvaluationBatches * (features + times.evaluationSeconds) + times.checkpointSeconds;
  return {
    making: numBatches * batch + evaluation(times.featureSeconds),
    cached: numBatches * cachedBatch + evaluation(0),
  };
}

/** How often each phase makes features: the first epochs on its frozen prefix, until every view of every image was seen. */
export function epochsOfMaking(
  phases: readonly {
    readonly epochs: number;
    readonly backboneSha256: string;
    readonly isCached: boolean;
  }[],
  views: RunSpec['data']['views'],
): number[] {
  const seen = new Map<string, number>();
  return phases.map(({ epochs, backboneSha256, isCached }) => {
    if (!isCached || views === null) return epochs;
    const before = seen.get(backboneSha256) ?? 0;
    seen.set(backboneSha256, before + epochs);
    return Math.max(0, Math.min(epochs, views - before));
  });
}
