import { dirname } from 'node:path';
import type { RunSpec } from '../config/run-spec.js';
import type { RunResult } from '../control/events.js';
import type { RunBundle } from '../state/run-bundle.js';
import type { RunFolder } from '../state/run-folder.js';
import { readSnapshot } from '../state/checkpoint-store.js';
import type { OpenedSnapshot } from '../state/snapshot.js';
import { planOf } from '../train/plan-of.js';
import { resultOf } from '../train/result.js';
import { updatesOf } from '../train/updates.js';
import type { Manifest } from '../data/manifest.js';
import type { RunOutcome } from './conductor.js';
import { exportModel, type ExportOptions } from './export-model.js';

/** The state on disk that a run ended with, and what this life of the coordinator has trained. */
export interface Reached {
  readonly status: 'finished' | 'stopped';
  readonly path: string;
  readonly trained: RunOutcome['trained'];
}

export interface Conclusion extends Pick<ExportOptions, 'onWarning' | 'onProgress'> {
  readonly folder: RunFolder;
  readonly bundle: RunBundle;
  readonly manifest: Manifest;
  readonly wallSeconds: number;
}

/**
 * Turns the final state on disk into the run's result, and into the artifacts of the best epoch in `model/`. A run that was
 * stopped before its first evaluation leaves no artifacts.
 */
export async function conclude(
  { status, path, trained }: Reached,
  { folder, bundle, manifest, wallSeconds, ...tell }: Conclusion,
): Promise<RunResult> {
  const { state } = await readSnapshot(path);
  if (state.best !== null) {
    const { spec, prepared } = bundle;
    const { parameters, statistics } = state.best;
    const { numTrainSteps } = planOf(spec, manifest);
    const { best: updates } = updatesOf(state.history, spec, numTrainSteps);
    const trained = { prepared, parameters, statistics, updates };
    const runsDir = dirname(folder.dir);
    await exportModel(folder.modelDir, { spec, runsDir, manifest, ...trained, ...tell });
  }
  return {
    ...thisLife(folder, bundle.spec, wallSeconds),
    ...resultOf(state, bundle.spec),
    status,
    imagesPerSecond: trained.seconds > 0 ? trained.samples / trained.seconds : 0,
  };
}

function thisLife(folder: RunFolder, spec: RunSpec, wallSeconds: number) {
  const { id: runId, dir: runDir } = folder;
  return { runId, runDir, workers: spec.workers.count, wallSeconds, recoveries: [] };
}

/** The result of a run that was stopped before rounds began: what its checkpoint, if it has one, had reached before. */
export function stoppedEarly(
  folder: RunFolder,
  spec: RunSpec,
  checkpoint: OpenedSnapshot | undefined,
  wallSeconds: number,
): RunResult {
  return {
    ...nothingTrained,
    ...(checkpoint === undefined ? {} : resultOf(checkpoint.state, spec)),
    ...thisLife(folder, spec, wallSeconds),
    status: 'stopped',
    imagesPerSecond: 0,
  };
}

const nothingTrained = {
  ...{ epochs: 0, steps: 0, samples: 0 },
  ...{ train: null, val: null, best: null },
  digest: '',
} as const;
