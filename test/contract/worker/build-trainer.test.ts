import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { VectorPool } from '../../../src/collective/vector-pool.js';
import { encodeManifest, manifestHash } from '../../../src/data/manifest-json.js';
import type { PhaseEngine } from '../../../src/engines/phase-engine.js';
import { FtctlError } from '../../../src/errors/index.js';
import { headPhases } from '../../../src/models/prepare-phases.js';
import { encodeBundle } from '../../../src/state/run-bundle.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import { Closers } from '../../../src/util/closers.js';
import { buildTrainer, type BuiltTrainer } from '../../../src/worker/build-trainer.js';
import type { Openers } from '../../../src/worker/phase-opener.js';
import { FormulaFeatures } from '../../support/train/formula-features.js';
import { ReferenceEngine } from '../../support/train/reference-engine.js';
import { smallHead, smallRun } from '../../support/train/small-run.js';
import { testManifest } from '../../unit/data/make-test-manifest.js';

let cacheDir: string;
let closed: string[];
let stopping: AbortController;
let closers: Closers;

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'ftctl-build-'));
  closed = [];
  stopping = new AbortController();
  closers = new Closers();
});
afterEach(async () => {
  await rm(cacheDir, { recursive: true });
});

/** Everything of a run but its images and its backbone. */
async function makeBundle(): Promise<string> {
  const blobs = new BlobStore(cacheDir);
  const bare = testManifest({ train: [8, 8, 8], val: [2, 2, 2] });
  const manifest = { ...bare, hash: manifestHash(bare) };
  const { spec } = smallRun();
  const backboneSha256 = await blobs.put(Buffer.from('backbone'));
  return encodeBundle({
    runId: 'small',
    spec: { ...spec, cache: { ...spec.cache, path: cacheDir } },
    manifestSha256: await blobs.put(Buffer.from(encodeManifest(manifest))),
    manifestHash: manifest.hash,
    dataRoot: '/data',
    prepared: {
      classifier: 'new',
      ...headPhases({ head: smallHead, backboneSha256 }, 1),
      architecture: 'resnet18',
      width: 1,
      convention: 'torchvision',
      numClasses: 3,
      backboneSha256,
      weightsSha256: '0'.repeat(64),
      head: smallHead,
      preprocessing: {
        imageSize: 32,
        resizeSide: 32,
        mean: [0, 0, 0],
        std: [1, 1, 1],
        background: [0, 0, 0],
      },
    },
    workingSide: 32,
    threads: 1,
  });
}

function fakeFeatures(): FormulaFeatures {
  return Object.assign(new FormulaFeatures(smallHead.numFeatures, []), {
    close: () => Promise.resolve(void closed.push('features')),
  });
}

function fakeEngine(change: Partial<PhaseEngine> = {}): PhaseEngine {
  return Object.assign(new ReferenceEngine(smallHead), {
    close: () => Promise.resolve(void closed.push('engine')),
    ...change,
  });
}

const broken = (): Promise<never> =>
  Promise.reject(new FtctlError('FT_ENGINE_FAILED', { what: 'Broken.' }));

/** A trainer, with the phase that it starts in open. */
async function build(open: Partial<Openers>): Promise<BuiltTrainer> {
  const tools = {
    stage: () => undefined,
    timeline: { enter: () => undefined },
    pool: new VectorPool(),
    signal: stopping.signal,
  };
  const built = await buildTrainer(await makeBundle(), tools, {
    client: { fetchBlob: () => Promise.reject(new Error('the cache has all files')) },
    closers,
    onWarning: () => undefined,
    applied: () => undefined,
    open: {
      features: () => Promise.resolve(fakeFeatures()),
      engine: () => Promise.resolve(fakeEngine()),
      ...open,
    },
  });
  await built.open();
  return built;
}

describe('building a trainer', () => {
  it('leaves its parts open, and has them closed at the end, the last one first', async () => {
    const { trainer } = await build({});
    expect(trainer.round).toBe(0);
    expect(closed).toEqual([]);
    await closers.closeAll();
    expect(closed).toEqual(['engine', 'features']);
  });

  it('opens a phase once: its first step finds what was warmed up', async () => {
    let numOpened = 0;
    const engine = (): Promise<PhaseEngine> => {
      numOpened += 1;
      return Promise.resolve(fakeEngine());
    };
    const { trainer } = await build({ engine });
    const shards = { firstShard: 0, numShards: 8 };
    await trainer.compute(trainer.next(), shards, stopping.signal);
    expect(numOpened).toBe(1);
    expect(closed).toEqual([]);
    await closers.closeAll();
  });

  it('has the features closed when the engine cannot be opened', async () => {
    await expect(build({ engine: broken })).rejects.toMatchObject({ code: 'FT_ENGINE_FAILED' });
    await closers.closeAll();
    expect(closed).toEqual(['features']);
  });

  it('has both closed when the engine fails in its first run', async () => {
    for (const kind of ['gradients', 'evaluate'] as const) {
      const engine = (): Promise<PhaseEngine> => Promise.resolve(fakeEngine({ [kind]: broken }));
      await expect(build({ engine })).rejects.toMatchObject({ code: 'FT_ENGINE_FAILED' });
      await closers.closeAll();
      expect(closed.splice(0)).toEqual(['engine', 'features']);
      closers = new Closers();
    }
  });

  it('opens nothing more once it is stopped', async () => {
    const features = (): Promise<FormulaFeatures> => {
      stopping.abort(new Error('enough'));
      return Promise.resolve(fakeFeatures());
    };
    await expect(build({ features, engine: broken })).rejects.toThrow('enough');
    await closers.closeAll();
    expect(closed).toEqual(['features']);
  });

  it('closes at once what comes up after the worker has ended', async () => {
    const features = async (): Promise<FormulaFeatures> => {
      stopping.abort(new Error('enough'));
      await closers.closeAll();
      return fakeFeatures();
    };
    await expect(build({ features })).rejects.toThrow('enough');
    await vi.waitFor(() => {
      expect(closed).toEqual(['features']);
    });
  });
});
