import { readFile } from 'node:fs/promises';
import type { RunSpec } from '../config/run-spec.js';
import type { RunResult } from '../control/events.js';
import { writeArtifacts } from '../models/artifacts.js';
import type { RunBundle } from '../state/run-bundle.js';
import type { RunFolder } from '../state/run-folder.js';
import { decodeSnapshot } from '../state/snapshot.js';
import type { TrainingState } from '../state/training-state.js';
import { resultOf } from '../train/result.js';
import type { Snapshot } from '../train/trainer.js';
import { BlobStore } from '../util/blob-store.js';
import type { Manifest } from '../data/manifest.js';
import type { RunOutcome } from './conductor.js';

/** The state on disk that a run ended with, and what this life of the coordinator has trained. */
export interface Reached {
  readonly status: 'finished' | 'stopped';
  readonly path: string;
  readonly trained: RunOutcome['trained'];
}

export interface Conclusion {
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
  { folder, bundle, manifest, wallSeconds }: Conclusion,
): Promise<RunResult> {
  const state = decodeSnapshot(await readFile(path));
  await writeBest(state, folder, bundle, manifest);
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

async function writeBest(
  state: TrainingState,
  folder: RunFolder,
  bundle: RunBundle,
  manifest: Manifest,
): Promise<void> {
  if (state.best === null) return;
  await writeArtifacts(folder.modelDir, {
    prepared: bundle.prepared,
    blobs: new BlobStore(bundle.spec.cache.path),
    parameters: state.best.parameters,
    classIds: manifest.classIds,
    classNames: manifest.classNames,
  });
}

/** The result of a run that was stopped before rounds began: what its checkpoint, if it has one, had reached before. */
export function stoppedEarly(
  folder: RunFolder,
  spec: RunSpec,
  checkpoint: Snapshot | undefined,
  wallSeconds: number,
): RunResult {
  return {
    ...nothingTrained,
    ...(checkpoint === undefined ? {} : resultOf(decodeSnapshot(checkpoint.bytes), spec)),
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
