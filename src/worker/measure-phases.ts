import { VectorPool } from '../collective/vector-pool.js';
import { decodeManifest } from '../data/manifest-json.js';
import type { Manifest } from '../data/manifest.js';
import type { Plan } from '../data/plan.js';
import { fingerprint } from '../engines/fingerprint.js';
import { openPhaseEngine } from '../engines/open-phase-engine.js';
import type { TrainingTensors } from '../engines/phase-engine.js';
import { openFeatureSource } from '../features/open-feature-source.js';
import type { RunBundle } from '../state/run-bundle.js';
import { initialState } from '../state/training-state.js';
import { updateScalars } from '../train/optimizers/update.js';
import type { PhaseParts } from '../train/phase-parts.js';
import { planOf } from '../train/plan-of.js';
import { microbatches, requestOf } from '../train/rows.js';
import { runPhases, type RunPhase } from '../train/run-phase.js';
import { openStateWork } from '../train/state-work/open-state-work.js';
import { evaluationBatch, trainingBatch } from '../train/training-batch.js';
import { BlobStore } from '../util/blob-store.js';
import type { Closers } from '../util/closers.js';
import { PhaseOpener } from './phase-opener.js';
import { startOf } from './run-start.js';

/** What one worker's share of a phase's steps takes, measured on this machine with nothing else running. */
export interface PhaseMeasures {
  /** Rows of the worker in a step. */
  readonly numRows: number;
  /** To make the features of a step's rows, from the files on; null where they were all in the cache. */
  readonly featureSeconds: number | null;
  /** Gradients of a step. */
  readonly gradientSeconds: number;
  /** The loss of as many rows, as an evaluation takes it. */
  readonly evaluationSeconds: number;
  readonly updateSeconds: number;
}

export interface MeasureTools {
  /** Closes whatever is opened. */
  readonly closers: Closers;
  readonly onWarning: (message: string) => void;
  /** A phase is about to be measured. */
  readonly onPhase: (phase: number) => void;
  readonly signal: AbortSignal;
}

/** Batches of a measurement; the first one also loads and compiles, and is left out. */
const numSteps = 3;

/**
 * Does a few steps of each phase of a prepared run, as the worker with the most shards. Nothing is kept of them but features in the cache.
 * Rejects as building a trainer does, or with the signal's reason.
 */
export async function measurePhases(
  bundle: RunBundle,
  tools: MeasureTools,
): Promise<PhaseMeasures[]> {
  const { spec, prepared, manifestSha256 } = bundle;
  const { closers, onWarning, onPhase, signal } = tools;
  const blobs = new BlobStore(spec.cache.path);
  const manifest = decodeManifest((await blobs.read(manifestSha256)).toString('utf8'));
  const { hash: fingerprintHash } = await fingerprint({ provider: spec.engine.provider });
  // All files were made here a moment ago.
  const fetch = (): Promise<void> => Promise.resolve();
  const plan = planOf(spec, manifest);
  const { initial, engineOptions } = await startOf(bundle, plan.rowsPerShard, { blobs, fetch });
  const pool = new VectorPool();
  const opener = new PhaseOpener({
    ...{
      bundle,
      manifest,
      fingerprintHash,
      engineOptions,
      fetch,
      closers,
      onWarning,
      pool,
      signal,
    },
    open: { features: openFeatureSource, engine: openPhaseEngine },
  });
  const measures: PhaseMeasures[] = [];
  for (const [index, phase] of runPhases(spec.phases, prepared, manifest).entries()) {
    signal.throwIfAborted();
    onPhase(index);
    const parts = await opener.open(index);
    measures.push(
      await measure(phase, { bundle, manifest, plan, initial, parts, opener, pool, signal }),
    );
  }
  return measures;
}

interface Measured {
  readonly bundle: RunBundle;
  readonly manifest: Manifest;
  readonly plan: Plan;
  readonly initial: TrainingTensors;
  readonly parts: PhaseParts;
  readonly opener: PhaseOpener;
  /** Of long vectors. */
  readonly pool: VectorPool;
  readonly signal: AbortSignal;
}

async function measure(phase: RunPhase, measured: Measured): Promise<PhaseMeasures> {
  const { bundle, manifest, plan, initial, parts, opener, pool, signal } = measured;
  const { spec, prepared } = bundle;
  const shards = { firstShard: 0, numShards: Math.ceil(plan.numShards / spec.workers.count) };
  const run = {
    ...{ spec, plan, numClasses: prepared.numClasses },
    labels: Int32Array.from(manifest.samples, (sample) => sample.label),
    ids: manifest.samples.map((sample) => sample.id),
  };
  const features: number[] = [];
  const gradients: number[] = [];
  const evaluations: number[] = [];
  const before = opener.counters().rowsComputed;
  for (let batch = 0; batch < Math.min(numSteps, plan.numTrainSteps); batch += 1) {
    signal.throwIfAborted();
    const { sampling } = phase.spec;
    const groups = microbatches(plan, { epoch: 0, batch, sampling }, shards);
    const features_SBF = await timed(features, () =>
      parts.features.features(requestOf(groups, plan.rowsPerShard), signal),
    );
    const training = trainingBatch(groups, features_SBF, run, { phase, epoch: 0, batch });
    const place = { ...shards, numShardsOfRun: plan.numShards };
    const partials = await timed(gradients, () =>
      parts.engine.gradients([training], place, initial),
    );
    for (const { values } of partials) pool.give(values);
    const evaluation = evaluationBatch(groups, features_SBF, run);
    await timed(evaluations, () => parts.engine.evaluate(evaluation, initial));
  }
  const isComputed = opener.counters().rowsComputed > before;
  return {
    numRows: shards.numShards * plan.rowsPerShard,
    featureSeconds: isComputed ? typical(features) : null,
    gradientSeconds: typical(gradients),
    evaluationSeconds: typical(evaluations),
    updateSeconds: await updateSeconds(phase, initial),
  };
}

/** An update with a gradient of zeros, with what is looked up in it before. */
async function updateSeconds(phase: RunPhase, initial: TrainingTensors): Promise<number> {
  const { spec, numTrained, ranges, stepLength } = phase;
  const work = openStateWork(initial.parameters.length);
  const state = initialState(initial, (length) => work.allocate(length));
  const { learningRate, weightDecay } = spec.optimizer;
  const scalars = updateScalars(spec.optimizer, { step: 1, learningRate, weightDecay });
  const seconds: number[] = [];
  try {
    for (let i = 0; i < numSteps; i += 1) {
      const given = new Float32Array(stepLength);
      await timed(seconds, async () => {
        const { reduced } = await work.inspect(given, state.ledger, 1);
        await work.update(state, {
          ...{ reduced, numTrained, weight: 1, clip: spec.clip },
          ranges: ranges.map((range) => ({ ...range, scalars })),
        });
      });
    }
  } finally {
    await work.close();
  }
  return typical(seconds);
}

async function timed<T>(seconds: number[], work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  seconds.push((performance.now() - start) / 1000);
  return result;
}

/** The mean without the first one. */
function typical(seconds: readonly number[]): number {
  const rest = seconds.length > 1 ? seconds.slice(1) : seconds;
  return rest.reduce((sum, value) => sum + value, 0) / rest.length;
}
