import type { VectorPool } from '../collective/vector-pool.js';
import type { Manifest } from '../data/manifest.js';
import type { PhaseEngineOptions } from '../engines/engine-options.js';
import type { openPhaseEngine } from '../engines/open-phase-engine.js';
import type { PhaseEngine } from '../engines/phase-engine.js';
import { FtctlError } from '../errors/index.js';
import { areCached } from '../features/are-cached.js';
import type { FeatureCounters, FeatureSource } from '../features/feature-source.js';
import type { openFeatureSource } from '../features/open-feature-source.js';
import type { PreparedPhase } from '../models/prepared-phase.js';
import type { RunBundle } from '../state/run-bundle.js';
import type { OpenPhase, PhaseParts } from '../train/phase-parts.js';
import { BlobStore } from '../util/blob-store.js';
import type { Closers } from '../util/closers.js';

export interface Openers {
  readonly features: typeof openFeatureSource;
  readonly engine: typeof openPhaseEngine;
}

export interface PhaseOpenerOptions {
  readonly bundle: RunBundle;
  readonly manifest: Manifest;
  readonly fingerprintHash: string;
  readonly engineOptions: (phase: number) => PhaseEngineOptions;
  /** Makes sure that the cache has a blob. */
  readonly fetch: (sha256: string) => Promise<void>;
  /** Whatever is open at the end is closed by them. */
  readonly closers: Closers;
  /** A cache helps less than it could. */
  readonly onWarning: (message: string) => void;
  readonly open: Openers;
  /** Where engines have long vectors from. */
  readonly pool: VectorPool;
  /** The worker ends. */
  readonly signal: AbortSignal;
}

/** Opens what the phases of a run are computed with, one phase at a time. */
export class PhaseOpener {
  readonly #options: PhaseOpenerOptions;
  /** Phases with the same frozen prefix share its features. */
  #features: { readonly backboneSha256: string; readonly source: FeatureSource } | undefined;
  #engine: PhaseEngine | undefined;
  /** Of sources that are closed. */
  #past: FeatureCounters = noCounters;
  #isClosed = false;

  constructor(options: PhaseOpenerOptions) {
    this.#options = options;
    options.closers.add(() => this.#closeFeatures());
    options.closers.add(() => {
      this.#isClosed = true;
      return this.#closeEngine();
    });
  }

  readonly open: OpenPhase = async (phase): Promise<PhaseParts> => {
    const { bundle, fetch, open, engineOptions, pool } = this.#options;
    const prepared = bundle.prepared.phases[phase]!;
    await this.#closeEngine();
    if (this.#features?.backboneSha256 !== prepared.backboneSha256) {
      await this.#closeFeatures();
      await fetch(prepared.backboneSha256);
      const source = await this.#openFeatures(prepared);
      this.#features = { backboneSha256: prepared.backboneSha256, source };
      await this.#unlessClosed();
    }
    const features = this.#features.source;
    this.#engine = await open.engine(engineOptions(phase), pool);
    await this.#unlessClosed();
    return { engine: this.#engine, features };
  };

  counters(): FeatureCounters {
    const now = this.#features?.source.counters();
    return now === undefined ? this.#past : sumOf(this.#past, now);
  }

  #openFeatures(prepared: PreparedPhase): Promise<FeatureSource> {
    const { bundle, manifest, fingerprintHash, onWarning, open } = this.#options;
    const { spec, dataRoot, workingSide, threads } = bundle;
    const { preprocessing } = bundle.prepared;
    const { backboneSha256 } = prepared;
    return open.features({
      ...{ manifest, dataRoot, workingSide, preprocessing, backboneSha256 },
      ...{ fingerprintHash, onWarning },
      augment: spec.data.augment,
      seed: spec.seed,
      engine: {
        modelPath: new BlobStore(spec.cache.path).path(backboneSha256),
        imageSize: preprocessing.imageSize,
        provider: spec.engine.provider,
        threads,
      },
      cacheDir: spec.cache.path,
      cacheFeatures: areCached(prepared, spec),
      cacheImages: spec.cache.images,
    });
  }

  /** What comes up after the worker has ended is closed at once. */
  async #unlessClosed(): Promise<void> {
    const { signal } = this.#options;
    if (!this.#isClosed && !signal.aborted) return;
    await this.#closeEngine();
    await this.#closeFeatures();
    signal.throwIfAborted();
    throw new FtctlError('FT_INTERRUPTED', { what: 'The worker has ended.' });
  }

  async #closeEngine(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.close();
  }

  async #closeFeatures(): Promise<void> {
    const features = this.#features;
    if (features === undefined) return;
    this.#features = undefined;
    this.#past = sumOf(this.#past, features.source.counters());
    await features.source.close();
  }
}

const noCounters: FeatureCounters = {
  ...{ rowsCached: 0, rowsComputed: 0, imagesDecoded: 0, imagesCached: 0 },
  ...{ decodeSeconds: 0, augmentSeconds: 0, backboneSeconds: 0 },
};

function sumOf(a: FeatureCounters, b: FeatureCounters): FeatureCounters {
  return {
    rowsCached: a.rowsCached + b.rowsCached,
    rowsComputed: a.rowsComputed + b.rowsComputed,
    imagesDecoded: a.imagesDecoded + b.imagesDecoded,
    imagesCached: a.imagesCached + b.imagesCached,
    decodeSeconds: a.decodeSeconds + b.decodeSeconds,
    augmentSeconds: a.augmentSeconds + b.augmentSeconds,
    backboneSeconds: a.backboneSeconds + b.backboneSeconds,
  };
}
