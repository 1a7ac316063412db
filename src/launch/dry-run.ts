import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { LoadedConfig } from '../config/load.js';
import type { RunSpec } from '../config/run-spec.js';
import type { RunEventBody } from '../control/events.js';
import { prepareRun, type PreparedRun } from '../coordinator/prepare-run.js';
import { checkModelSpec } from '../models/check-spec.js';
import { imagesName } from '../models/network.js';
import { numElements } from '../models/tensor-specs.js';
import { systemClock } from '../util/clock.js';
import { Closers } from '../util/closers.js';
import { measurePhases, type PhaseMeasures } from '../worker/measure-phases.js';

/** What a phase would cost. Bytes of float32 values; seconds as estimated from a few steps. */
export interface PhaseCost {
  readonly train: readonly string[];
  readonly epochs: number;
  /** Parameters that move. */
  readonly numTrained: number;
  readonly gradientBytes: number;
  /** Values of one row of features, and what the cache holds in the end; null: they are not cached. */
  readonly numFeatures: number;
  readonly cachedFeatureBytes: number | null;
  readonly stepsPerEpoch: number;
  readonly measured: PhaseMeasures;
  /** Of an epoch whose features must be made, and of one whose features are all in the cache; null: none is. */
  readonly epochSeconds: number;
  readonly cachedEpochSeconds: number | null;
}

/** What a run would cost, with nothing of it started. */
export interface DryRunReport {
  readonly name: string;
  readonly architecture: string;
  readonly imageSize: number;
  readonly classes: number;
  readonly samples: { readonly train: number; readonly val: number; readonly test: number };
  readonly batchSize: number;
  readonly shards: number;
  readonly workers: number;
  readonly cores: number;
  /** Parameters of the state: what some phase moves. */
  readonly numParameters: number;
  /** Largest memory of this process, which did one worker's share of each phase's steps, preparation included. */
  readonly workerBytes: number;
  readonly phases: readonly PhaseCost[];
  /** Of all epochs, unless phases stop early. */
  readonly totalSeconds: number;
}

export interface DryRunOptions {
  /** Where runs lie whose weights may be asked for. */
  readonly runsDir: string;
  readonly onEvent: (event: RunEventBody) => void;
  readonly onPhase: (phase: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Prepares a run as a launch does (what it fetches and lowers stays in the cache), does a few steps of each phase in this process, and
 * tells what the run would cost. There is no run folder. Rejects with whatever a launch would refuse.
 */
export async function dryRun(
  { spec }: LoadedConfig,
  { runsDir, onEvent, onPhase, signal }: DryRunOptions,
): Promise<DryRunReport> {
  checkModelSpec(spec);
  const prepared = await prepareRun(`dry-run-${randomUUID()}`, spec, {
    ...{ emit: onEvent, clock: systemClock, signal, runsDir },
    eventsPath: '',
  });
  const closers = new Closers();
  try {
    const measures = await measurePhases(prepared.bundle, {
      ...{ closers, onPhase, signal },
      onWarning: (message) => {
        onEvent({ type: 'warning', message });
      },
    });
    return reportOf(spec, prepared, measures);
  } finally {
    await closers.closeAll();
  }
}

function reportOf(
  spec: RunSpec,
  { bundle, manifest, plan }: PreparedRun,
  measures: readonly PhaseMeasures[],
): DryRunReport {
  const cores = availableParallelism();
  const { prepared } = bundle;
  const lengths = new Map(prepared.parameters.map(({ name, shape }) => [name, numElements(shape)]));
  const phases = spec.phases.map((phase, index): PhaseCost => {
    const { trained, numFeatures, boundaries } = prepared.phases[index]!;
    const numTrained = trained.reduce((sum, name) => sum + lengths.get(name)!, 0);
    const isImages = boundaries.every((name) => name === imagesName);
    const { views } = spec.data;
    const isCached = !isImages && (spec.cache.features ?? views !== null);
    // With a fresh view in each epoch no training row is met twice.
    const isReused = isCached && views !== null;
    const rows = plan.splitSize('train') * (views ?? phase.epochs) + plan.splitSize('val');
    const measured = measures[index]!;
    const steps = Math.ceil(plan.numTrainSteps / phase.accumulate);
    const evaluations = plan.splitSize('val') / (measured.numRows * spec.workers.count);
    const epoch = (withFeatures: boolean): number =>
      plan.numTrainSteps * stepSeconds(spec, bundle.threads, measured, withFeatures) +
      steps * measured.updateSeconds +
      evaluations * stepSeconds(spec, bundle.threads, asEvaluation(measured), withFeatures);
    return {
      ...{ train: phase.train, epochs: phase.epochs, numTrained, numFeatures, measured },
      gradientBytes: 4 * numTrained,
      cachedFeatureBytes: isCached ? 4 * numFeatures * rows : null,
      stepsPerEpoch: steps,
      epochSeconds: epoch(true),
      cachedEpochSeconds: isReused ? epoch(false) : null,
    };
  });
  return {
    name: spec.name,
    architecture: prepared.architecture,
    imageSize: prepared.preprocessing.imageSize,
    classes: manifest.classNames.length,
    samples: {
      ...{ train: plan.splitSize('train'), val: plan.splitSize('val') },
      test: plan.splitSize('test'),
    },
    ...{ batchSize: spec.batch.size, shards: spec.batch.shards, workers: spec.workers.count },
    cores,
    numParameters: [...lengths.values()].reduce((sum, length) => sum + length, 0),
    // In kilobytes, whatever the system.
    workerBytes: process.resourceUsage().maxRSS * 1024,
    phases,
    totalSeconds: phases.reduce((sum, phase) => sum + phaseSeconds(phase, spec.data.views), 0),
  };
}

/** Epochs until every view was seen are as slow as the first. */
function phaseSeconds(
  { epochs, epochSeconds, cachedEpochSeconds }: PhaseCost,
  views: number | null,
) {
  if (cachedEpochSeconds === null) return epochs * epochSeconds;
  const slow = Math.min(epochs, views ?? epochs);
  return slow * epochSeconds + (epochs - slow) * cachedEpochSeconds;
}

/**
 * A step of all workers together: the slower of making features and gradients, which overlap, and not faster than the cores can do the work of
 * all workers. The exchange between workers, which overlaps with neither, is not in it.
 */
function stepSeconds(
  { workers }: RunSpec,
  threads: number,
  { featureSeconds, gradientSeconds }: PhaseMeasures,
  withFeatures: boolean,
): number {
  const features = withFeatures ? (featureSeconds ?? 0) : 0;
  const work = workers.count * (features * threads + gradientSeconds);
  return Math.max(features, gradientSeconds, work / availableParallelism());
}

function asEvaluation(measured: PhaseMeasures): PhaseMeasures {
  return { ...measured, gradientSeconds: measured.evaluationSeconds };
}
