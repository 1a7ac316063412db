import { decodeManifest } from '../data/manifest-json.js';
import { fingerprint } from '../engines/fingerprint.js';
import type { GradientEngine } from '../engines/gradient-engine.js';
import { openGradientEngine } from '../engines/onnx-gradient-engine.js';
import type { FeatureSource } from '../features/feature-source.js';
import { openFeatureSource } from '../features/open-feature-source.js';
import { headLayout } from '../models/head.js';
import type { CoordinatorClient } from '../rpc/coordinator-client.js';
import { decodeBundle, type RunBundle } from '../state/run-bundle.js';
import { makeTrainer } from '../train/make-trainer.js';
import type { RoundOutcome } from '../train/trainer.js';
import { planOf } from '../train/plan-of.js';
import { BlobStore, sha256Hex } from '../util/blob-store.js';
import { countedTrainer } from './counted-trainer.js';
import type { PreparedTrainer, PrepareTools } from './session.js';
import { warmUp } from './warm-up.js';

/** What a worker opened for its trainer, and has to close. */
export interface TrainerParts extends PreparedTrainer {
  readonly features: FeatureSource;
  readonly engine: GradientEngine;
}

export interface BuildOptions {
  readonly client: CoordinatorClient;
  /** A cache helps less than it could. */
  readonly onWarning: (message: string) => void;
  /** A round was applied; how many training samples of the own shards were in it. */
  readonly applied: (outcome: RoundOutcome, ownSamples: number) => void;
}

/**
 * Makes a trainer out of the coordinator's bundle: files that the cache lacks are fetched, the feature pipeline and the
 * gradient engine are opened. Rejects with an FtctlError; what was opened before is closed.
 */
export async function buildTrainer(
  text: string,
  tools: PrepareTools,
  options: BuildOptions,
): Promise<TrainerParts> {
  const bundle = decodeBundle(text);
  const { spec, prepared } = bundle;
  const blobs = new BlobStore(spec.cache.path);
  tools.stage('fetch');
  const fetched = (sha256: string): Promise<void> =>
    fetchMissing(blobs, sha256, options.client, tools.signal);
  await Promise.all([fetched(bundle.manifestSha256), fetched(prepared.backboneSha256)]);
  const manifest = decodeManifest((await blobs.read(bundle.manifestSha256)).toString('utf8'));
  tools.stage('load');
  const { provider } = spec.engine;
  const { hash: fingerprintHash } = await fingerprint({ provider });
  const features = await openFeatureSource({
    manifest,
    dataRoot: bundle.dataRoot,
    augment: spec.data.augment,
    seed: spec.seed,
    preprocessing: prepared.preprocessing,
    workingSide: bundle.workingSide,
    engine: {
      modelPath: blobs.path(prepared.backboneSha256),
      imageSize: prepared.preprocessing.imageSize,
      provider,
      threads: bundle.threads,
    },
    backboneSha256: prepared.backboneSha256,
    fingerprintHash,
    cacheDir: spec.cache.path,
    cacheFeatures: spec.cache.features ?? spec.data.views !== null,
    cacheImages: spec.cache.images,
    onWarning: options.onWarning,
  });
  try {
    const plan = planOf(spec, manifest);
    const { head } = prepared;
    const engine = await openGradientEngine({ head, rowsPerShard: plan.rowsPerShard, provider });
    await warmUp(engine, {
      numShards: Math.ceil(plan.numShards / spec.workers.count),
      rowsPerShard: plan.rowsPerShard,
      numFeatures: head.numFeatures,
      numParameters: headLayout(head).length,
    });
    const { timeline } = tools;
    const bare = makeTrainer({ spec, plan, manifest, features, engine, head, timeline });
    const trainer = countedTrainer(bare, options.applied);
    return { trainer, run: runKey(bundle), features, engine };
  } catch (error) {
    await features.close();
    throw error;
  }
}

/** Names the run on the collective streams: 16 hex digits of SHA-256 of its id and its manifest's hash. */
function runKey({ runId, manifestHash }: RunBundle): string {
  return sha256Hex(`${runId}\n${manifestHash}`).slice(0, 16);
}

async function fetchMissing(
  blobs: BlobStore,
  sha256: string,
  client: CoordinatorClient,
  signal: AbortSignal,
): Promise<void> {
  if (await blobs.has(sha256)) return;
  await blobs.put(await client.fetchBlob(sha256, signal));
}
