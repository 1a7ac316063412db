import { decodeManifest } from '../data/manifest-json.js';
import type { Manifest } from '../data/manifest.js';
import { fingerprint } from '../engines/fingerprint.js';
import { openPhaseEngine } from '../engines/open-phase-engine.js';
import type { FeatureSource } from '../features/feature-source.js';
import { openFeatureSource } from '../features/open-feature-source.js';
import type { CoordinatorClient } from '../rpc/coordinator-client.js';
import { decodeBundle, type RunBundle } from '../state/run-bundle.js';
import { makeTrainer } from '../train/make-trainer.js';
import { planOf } from '../train/plan-of.js';
import { openStateWork } from '../train/state-work/open-state-work.js';
import type { RoundOutcome } from '../train/trainer.js';
import { BlobStore, sha256Hex } from '../util/blob-store.js';
import type { Closers } from '../util/closers.js';
import { countedTrainer } from './counted-trainer.js';
import { PhaseOpener, type Openers } from './phase-opener.js';
import { startOf } from './run-start.js';
import type { PreparedTrainer, PrepareTools } from './session.js';

/** A trainer, and what its features have cost. */
export interface BuiltTrainer extends PreparedTrainer {
  readonly features: Pick<FeatureSource, 'counters'>;
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

const openers: Openers = { features: openFeatureSource, engine: openPhaseEngine };

/**
 * Makes a trainer out of the coordinator's bundle: files that the cache lacks are fetched, and what the run starts from is made. Which
 * phase is opened depends on the state that it goes on from. Rejects with an FtctlError, or with the reason of the tools' signal.
 */
export async function buildTrainer(
  text: string,
  tools: PrepareTools,
  options: BuildOptions,
): Promise<BuiltTrainer> {
  const { closers, open = openers } = options;
  const { signal, timeline, pool } = tools;
  const bundle = decodeBundle(text);
  const { spec, prepared } = bundle;
  const { provider } = spec.engine;
  const blobs = new BlobStore(spec.cache.path);
  const fetch = (sha256: string): Promise<void> =>
    fetchMissing(blobs, sha256, options.client, signal);
  tools.stage('fetch');
  const manifest = await fetchManifest(bundle, blobs, fetch);
  tools.stage('load');
  const { hash: fingerprintHash } = await fingerprint({ provider });
  signal.throwIfAborted();
  const plan = planOf(spec, manifest);
  const { initial, engineOptions } = await startOf(bundle, plan.rowsPerShard, { blobs, fetch });
  const opener = new PhaseOpener({
    ...{ bundle, manifest, fingerprintHash, engineOptions, fetch, closers, open, pool, signal },
    onWarning: options.onWarning,
  });
  const work = openStateWork(initial.parameters.length);
  closers.add(() => work.close());
  const bare = makeTrainer({
    ...{ spec, plan, manifest, initial, work, timeline },
    model: prepared,
    open: (index) => opener.open(index),
    recycle: (values) => {
      pool.give(values);
    },
  });
  // The most that a worker owns where all are there: the generation, which says the shards, comes after.
  const shards = { firstShard: 0, numShards: Math.ceil(plan.numShards / spec.workers.count) };
  return {
    trainer: countedTrainer(bare, options.applied),
    run: runKey(bundle),
    open: () => bare.open(shards, signal),
    features: opener,
  };
}

async function fetchManifest(
  { manifestSha256 }: RunBundle,
  blobs: BlobStore,
  fetch: (sha256: string) => Promise<void>,
): Promise<Manifest> {
  await fetch(manifestSha256);
  return decodeManifest((await blobs.read(manifestSha256)).toString('utf8'));
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
