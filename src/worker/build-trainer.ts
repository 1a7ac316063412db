import { decodeManifest } from '../data/manifest-json.js';
import type { Manifest } from '../data/manifest.js';
import { fingerprint } from '../engines/fingerprint.js';
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
import type { Closers } from '../util/closers.js';
import { countedTrainer } from './counted-trainer.js';
import type { PreparedTrainer, PrepareTools } from './session.js';
import { warmUp } from './warm-up.js';

/** A trainer, and where its features come from. */
export interface BuiltTrainer extends PreparedTrainer {
  readonly features: FeatureSource;
}

export interface BuildOptions {
  readonly client: Pick<CoordinatorClient, 'fetchBlob'>;
  /** Whatever is opened is added here, also if the building fails later. */
  readonly closers: Closers;
  /** A cache helps less than it could. */
  readonly onWarning: (message: string) => void;
  /** A round was applied; how many training samples of the own shards were in it. */
  readonly applied: (outcome: RoundOutcome, ownSamples: number) => void;
  /** Opens the parts; tests bring their own. */
  readonly open?: Openers;
}

export interface Openers {
  readonly features: typeof openFeatureSource;
  readonly engine: typeof openGradientEngine;
}

const openers: Openers = { features: openFeatureSource, engine: openGradientEngine };

/**
 * Makes a trainer out of the coordinator's bundle: files that the cache lacks are fetched, the feature pipeline and the
 * gradient engine are opened. Rejects with an FtctlError, or with the reason of the tools' signal.
 */
export async function buildTrainer(
  text: string,
  tools: PrepareTools,
  options: BuildOptions,
): Promise<BuiltTrainer> {
  const { closers, open = openers } = options;
  const { signal, timeline } = tools;
  const bundle = decodeBundle(text);
  const { spec, prepared } = bundle;
  const { provider } = spec.engine;
  const manifest = await fetchFiles(bundle, tools, options.client);
  tools.stage('load');
  const { hash: fingerprintHash } = await fingerprint({ provider });
  signal.throwIfAborted();
  const features = await open.features({
    ...featureOptions(bundle),
    ...{ manifest, fingerprintHash, onWarning: options.onWarning },
  });
  closers.add(() => features.close());
  signal.throwIfAborted();
  const plan = planOf(spec, manifest);
  const { head } = prepared;
  const engine = await open.engine({ head, rowsPerShard: plan.rowsPerShard, provider });
  closers.add(() => engine.close());
  signal.throwIfAborted();
  const shape = {
    numShards: Math.ceil(plan.numShards / spec.workers.count),
    rowsPerShard: plan.rowsPerShard,
    numFeatures: head.numFeatures,
    numParameters: headLayout(head).length,
  };
  await warmUp(engine, shape);
  signal.throwIfAborted();
  const bare = makeTrainer({ spec, plan, manifest, features, engine, head, timeline });
  return { trainer: countedTrainer(bare, options.applied), run: runKey(bundle), features };
}

/** Makes sure that the cache has the bundle's blobs; gives the manifest. */
async function fetchFiles(
  { spec, manifestSha256, prepared }: RunBundle,
  { stage, signal }: PrepareTools,
  client: BuildOptions['client'],
): Promise<Manifest> {
  const blobs = new BlobStore(spec.cache.path);
  stage('fetch');
  const fetched = (sha256: string): Promise<void> => fetchMissing(blobs, sha256, client, signal);
  await Promise.all([fetched(manifestSha256), fetched(prepared.backboneSha256)]);
  return decodeManifest((await blobs.read(manifestSha256)).toString('utf8'));
}

type FeatureOptions = Parameters<typeof openFeatureSource>[0];

function featureOptions(
  bundle: RunBundle,
): Omit<FeatureOptions, 'manifest' | 'fingerprintHash' | 'onWarning'> {
  const { spec, prepared, dataRoot, workingSide, threads } = bundle;
  const { preprocessing, backboneSha256 } = prepared;
  return {
    ...{ dataRoot, workingSide, preprocessing, backboneSha256 },
    augment: spec.data.augment,
    seed: spec.seed,
    engine: {
      modelPath: new BlobStore(spec.cache.path).path(backboneSha256),
      imageSize: preprocessing.imageSize,
      provider: spec.engine.provider,
      threads,
    },
    cacheDir: spec.cache.path,
    cacheFeatures: spec.cache.features ?? spec.data.views !== null,
    cacheImages: spec.cache.images,
  };
}

/** Names the run on the collective streams: 16 hex digits of SHA-256 of its id and its manifest's hash. */
function runKey({ runId, manifestHash }: RunBundle): string {
  return sha256Hex(`${runId}\n${manifestHash}`).slice(0, 16);
}

async function fetchMissing(
  blobs: BlobStore,
  sha256: string,
  client: BuildOptions['client'],
  signal: AbortSignal,
): Promise<void> {
  if (await blobs.has(sha256)) return;
  await blobs.put(await client.fetchBlob(sha256, signal));
}
