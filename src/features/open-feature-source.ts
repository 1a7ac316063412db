import { availableParallelism } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { AugmentSpec } from '../config/run-spec.js';
import type { Manifest } from '../data/manifest.js';
import type { Preprocessing } from '../data/preprocessing.js';
import type { FeatureEngineOptions } from '../engines/feature-engine.js';
import { armNativeGate } from '../engines/native-gate.js';
import { threadEntry } from '../util/thread-entry.js';
import { SharedCounters } from './feature-counters.js';
import type { FeatureSource } from './feature-source.js';
import { ThreadedFeatureSource } from './threaded-feature-source.js';
import type { FeatureThreadData } from './thread-messages.js';

export interface FeatureSourceOptions {
  readonly manifest: Manifest;
  /** What relative sample paths are relative to. */
  readonly dataRoot: string;
  readonly augment: AugmentSpec;
  /** Seeds the views. */
  readonly seed: number;
  readonly preprocessing: Preprocessing;
  /** Side that images of training views are decoded at (data/working-side.ts). */
  readonly workingSide: number;
  readonly engine: FeatureEngineOptions;
  readonly backboneSha256: string;
  /** Names the numeric environment (engines/fingerprint.ts). */
  readonly fingerprintHash: string;
  readonly cacheDir: string;
  readonly cacheFeatures: boolean;
  readonly cacheImages: boolean;
  /** A cache that helps less than it could, once for each reason. The run goes on with the same results. */
  readonly onWarning: (message: string) => void;
}

/** Modules of the threads; tests put others in their place. */
export interface ThreadEntries {
  readonly featureThread: URL;
  readonly imageThread: URL;
}

const threadEntries: ThreadEntries = {
  featureThread: threadEntry(import.meta.url, './feature-thread.js'),
  imageThread: threadEntry(import.meta.url, './image-thread.js'),
};

/**
 * Opens the frozen prefix behind its caches. All work is done in background threads; the calling thread only posts and
 * receives arrays. Rejects with an FtctlError if the backbone cannot be opened.
 */
export async function openFeatureSource(
  options: FeatureSourceOptions,
  entries: ThreadEntries = threadEntries,
): Promise<FeatureSource> {
  const { manifest, dataRoot } = options;
  const counters = new SharedCounters();
  armNativeGate();
  const thread = new Worker(entries.featureThread, {
    name: 'ftctl-features',
    workerData: threadData(options, counters, entries),
  });
  const source = new ThreadedFeatureSource({
    thread,
    counters,
    onWarning: options.onWarning,
    fileOf: (index) => {
      const sample = manifest.samples[index];
      if (sample === undefined) return undefined;
      const { id, path, sha256 } = sample;
      return { id, path: isAbsolute(path) ? path : join(dataRoot, path), sha256 };
    },
  });
  try {
    await source.opened;
  } catch (error) {
    await source.close();
    throw error;
  }
  return source;
}

function threadData(
  options: FeatureSourceOptions,
  counters: SharedCounters,
  entries: ThreadEntries,
): FeatureThreadData {
  const { augment, seed, preprocessing, workingSide, engine, backboneSha256 } = options;
  const { fingerprintHash, cacheDir, cacheFeatures, cacheImages } = options;
  return {
    augment,
    seed,
    preprocessing,
    workingSide,
    engine,
    backboneSha256,
    fingerprintHash,
    cacheDir,
    cacheFeatures,
    cacheImages,
    counters: counters.memory,
    imageThread: entries.imageThread.href,
    numImageThreads: imageThreadsFor(engine),
  };
}

/**
 * One image thread makes several times what a CPU backbone uses up, unless it has many cores; an accelerator may need
 * more. The number changes no bits.
 */
function imageThreadsFor(engine: FeatureEngineOptions): number {
  if (engine.provider === 'cpu') return engine.threads >= 16 ? 2 : 1;
  return Math.max(1, Math.min(8, Math.floor(availableParallelism() / 2)));
}
