import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { LoadedConfig } from '../config/load.js';
import { locatedError } from '../config/problems.js';
import type { RunSpec } from '../config/run-spec.js';
import type { RunEventBody } from '../control/events.js';
import { prepareRun, type PreparedRun } from '../coordinator/prepare-run.js';
import { plainView } from '../data/preprocessing.js';
import { fingerprint } from '../engines/fingerprint.js';
import { FtctlError } from '../errors/index.js';
import { areCached } from '../features/are-cached.js';
import { countCached } from '../features/count-cached.js';
import { checkModelSpec } from '../models/check-spec.js';
import type { PreparedPhase } from '../models/prepared-phase.js';
import { numElements } from '../models/tensor-specs.js';
import { systemClock } from '../util/clock.js';
import type { ProbeMeasures } from '../worker/probe-messages.js';
import { visibleDevices } from './gpu-devices.js';
import { measurePhases } from './measure-phases.js';
import { epochSeconds, epochsOfMaking, type PhaseTimes, timesOf } from './phase-cost.js';

/** What a phase would cost. Bytes of float32 values; seconds as estimated from a few steps. */
export interface PhaseCost {
  readonly train: readonly string[];
  readonly epochs: number;
  /** Parameters that move. */
  readonly numTrained: number;
  readonly gradientBytes: number;
  /** Values of one row of features. */
  readonly numFeatures: number;
  /** What of the features is cached; null: nothing is. */
  readonly cache: {
    /** In the end: every view of the training images, and the others. */
    readonly numRows: number;
    readonly bytes: number;
    /** Rows that are there already, by an estimate where there are many. */
    readonly numThere: number;
  } | null;
  readonly stepsPerEpoch: number;
  readonly times: PhaseTimes;
  /** Largest memory of a worker. */
  readonly workerBytes: number;
  /** Of an epoch whose features must be made, and of one whose features are all in the cache; null: no epoch's are. */
  readonly epochSeconds: number;
  readonly cachedEpochSeconds: number | null;
  /** Of all epochs, with what is in the cache already. */
  readonly seconds: number;
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
  /** Largest memory of a worker in any phase. */
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
 * Prepares a run as a launch does (what it fetches and lowers stays in the cache), does a few steps of each phase in as many processes as the run
 * would have workers, and tells what the run would cost. There is no run folder. Rejects with whatever a launch would refuse.
 */
export async function dryRun(
  { spec, locate }: LoadedConfig,
  { runsDir, onEvent, onPhase, signal }: DryRunOptions,
): Promise<DryRunReport> {
  checkModelSpec(spec, locate);
  const devices = spec.engine.provider === 'cuda' ? await visibleDevices() : [];
  const prepared = await prepareRun(`dry-run-${randomUUID()}`, spec, {
    ...{ emit: onEvent, clock: systemClock, signal, runsDir },
    eventsPath: '',
  }).catch((error: unknown) => {
    throw locatedError(FtctlError.from(error), locate);
  });
  const numThere = await Promise.all(
    prepared.bundle.prepared.phases.map((phase, index) => numCachedRows(prepared, phase, index)),
  );
  const measures = await measurePhases(prepared.bundle, { devices, onPhase, signal });
  return reportOf(prepared, measures, numThere);
}

/** Rows of a phase's features, each view that may come up counted; the test images are scored with those of the last phase. */
function numRowsOf({ bundle, plan }: PreparedRun, index: number): number {
  const { data, phases } = bundle.spec;
  const views = data.views ?? phases[index]!.epochs;
  const numTest = index === phases.length - 1 ? plan.splitSize('test') : 0;
  return plan.splitSize('train') * views + plan.splitSize('val') + numTest;
}

/** Of those rows, the ones that the cache has: known of the run's finite views; 0 where each epoch has a fresh one. */
async function numCachedRows(
  run: PreparedRun,
  phase: PreparedPhase,
  index: number,
): Promise<number> {
  const { spec, prepared, workingSide } = run.bundle;
  const { views, augment } = spec.data;
  if (views === null || !areCached(phase, spec)) return 0;
  const isLast = index === spec.phases.length - 1;
  const samples = run.manifest.samples.filter(({ split }) => split !== 'test' || isLast);
  const rows = samples.flatMap((sample) =>
    sample.split === 'train'
      ? Array.from({ length: views }, (_, view) => ({ file: sample, view }))
      : [{ file: sample, view: plainView }],
  );
  const { hash: fingerprintHash } = await fingerprint({ provider: spec.engine.provider });
  const found = await countCached(rows.length, (row) => rows[row]!, {
    ...{ augment, seed: spec.seed, workingSide, preprocessing: prepared.preprocessing },
    ...{ backboneSha256: phase.backboneSha256, fingerprintHash },
    ...{ cacheDir: spec.cache.path, width: phase.numFeatures },
  });
  return Math.min(found, numRowsOf(run, index));
}

function reportOf(
  run: PreparedRun,
  measures: readonly (readonly ProbeMeasures[])[],
  numThere: readonly number[],
): DryRunReport {
  const { bundle, manifest, plan } = run;
  const { prepared, spec } = bundle;
  const cores = availableParallelism();
  const lengths = new Map(prepared.parameters.map(({ name, shape }) => [name, numElements(shape)]));
  const making = epochsOfMaking(
    spec.phases.map(({ epochs }, index) => {
      const phase = prepared.phases[index]!;
      const { backboneSha256 } = phase;
      return { epochs, backboneSha256, isCached: areCached(phase, spec) };
    }),
    spec.data.views,
  );
  const phases = spec.phases.map((phase, index): PhaseCost => {
    const { trained, numFeatures } = prepared.phases[index]!;
    const numTrained = trained.reduce((sum, name) => sum + lengths.get(name)!, 0);
    const times = timesOf(measures[index]!);
    const numUpdates = Math.ceil(plan.numTrainSteps / phase.accumulate);
    const epoch = epochSeconds(times, {
      ...{ numBatches: plan.numTrainSteps, numUpdates, cores },
      numEvaluationBatches: plan.splitSize('val') / spec.batch.size,
    });
    const numRows = numRowsOf(run, index);
    const isCached = areCached(prepared.phases[index]!, spec);
    const isReused = isCached && spec.data.views !== null;
    return {
      ...{ train: phase.train, epochs: phase.epochs, numTrained, numFeatures, times },
      gradientBytes: 4 * numTrained,
      cache: isCached
        ? { numRows, bytes: 4 * numFeatures * numRows, numThere: numThere[index]! }
        : null,
      stepsPerEpoch: numUpdates,
      workerBytes: Math.max(...measures[index]!.map(({ peakBytes }) => peakBytes)),
      epochSeconds: epoch.making,
      cachedEpochSeconds: isReused ? epoch.cached : null,
      seconds: secondsOfPhase(phase, epoch, {
        numMaking: making[index]!,
        missing: 1 - numThere[index]! / numRows,
      }),
    };
  });
  return {
    ...namesOf(spec, run),
    classes: manifest.classNames.length,
    samples: {
      ...{ train: plan.splitSize('train'), val: plan.splitSize('val') },
      test: plan.splitSize('test'),
    },
    ...{ batchSize: spec.batch.size, shards: spec.batch.shards, workers: spec.workers.count },
    cores,
    numParameters: [...lengths.values()].reduce((sum, length) => sum + length, 0),
    workerBytes: Math.max(...phases.map(({ workerBytes }) => workerBytes)),
    phases,
    totalSeconds: phases.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

function namesOf(
  { name }: RunSpec,
  { bundle: { prepared } }: PreparedRun,
): Pick<DryRunReport, 'name' | 'architecture' | 'imageSize'> {
  const { architecture, preprocessing } = prepared;
  return { name, architecture, imageSize: preprocessing.imageSize };
}

/** Of the epochs that make features, the part that is there already takes as long as in a later one. */
function secondsOfPhase(
  { epochs }: { readonly epochs: number },
  epoch: { readonly making: number; readonly cached: number },
  { numMaking, missing }: { readonly numMaking: number; readonly missing: number },
): number {
  return epochs * epoch.cached + numMaking * missing * (epoch.making - epoch.cached);
}
