import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { SharedCounters } from '../../../src/features/feature-counters.js';
import { batchRows, FeaturePipeline } from '../../../src/features/feature-pipeline.js';
import type { ImageSource, PreparedBatch } from '../../../src/features/image-pool.js';
import type { FeatureCache } from '../../../src/features/lmdb-cache.js';
import type { ImageRow, RowFailure } from '../../../src/features/thread-messages.js';

/*
 * A backbone of two features: [sample number, view]. An "image" is those two floats, so a row that got into the wrong
 * place shows. The test decides when the image source answers and when the backbone ends.
 */
const width = 2;
const imageLength = 2;

const rowOf = (sample: number, view = 0): ImageRow => ({
  file: { id: String(sample), path: '', sha256: '' },
  view,
});

interface Preparation {
  readonly rows: readonly ImageRow[];
  finish(failures?: readonly RowFailure[]): void;
  fail(error: FtctlError): void;
}

function makePipeline() {
  const preparations: Preparation[] = [];
  const runs: number[] = [];
  const log: string[] = [];
  const answers = new Map<number, Float32Array>();
  const stored = new Map<string, Float32Array>();
  let engineError: Error | undefined;
  let clockMs = 0;
  let rowMs = 0;
  let failure: FtctlError | undefined;
  const images: ImageSource = {
    prepare: (rows) =>
      new Promise<PreparedBatch>((resolve, reject) => {
        preparations.push({
          rows,
          finish: (failures = []) => {
            const images_NCHW = new Float32Array(32 * imageLength);
            rows.forEach(({ file, view }, row) => {
              images_NCHW.set([Number(file.id), view], row * imageLength);
            });
            resolve({ images_NCHW, failures });
          },
          fail: reject,
        });
      }),
    recycle: () => undefined,
    close: () => Promise.resolve(),
  };
  const name = (key: Uint8Array): string => Buffer.from(key).toString();
  const cache: FeatureCache = {
    get: (key) => stored.get(name(key)),
    put: (key, row_F) => {
      stored.set(name(key), row_F.slice());
    },
    flush: () => undefined,
    close: () => Promise.resolve(),
  };
  const counters = new SharedCounters();
  const pipeline = new FeaturePipeline({
    width,
    imageLength,
    cache,
    keyOf: ({ file, view }) => Buffer.from(`${file.id}/${view}`),
    images,
    openEngine: () =>
      Promise.resolve({
        width,
        run: (images_NCHW: Float32Array, numImages: number) => {
          if (engineError !== undefined) return Promise.reject(engineError);
          runs.push(numImages);
          clockMs += numImages * rowMs;
          return Promise.resolve(images_NCHW.slice());
        },
        close: () => Promise.resolve(),
      }),
    counters,
    nowMs: () => clockMs,
    onAnswer: (id, features_BF) => {
      log.push(`answer ${id}`);
      answers.set(id, features_BF);
    },
    onRejected: (id, error) => {
      log.push(`rejected ${id} ${error.code}`);
    },
    onFailed: (error) => {
      failure = error;
      log.push(`failed ${error.code}`);
    },
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 8; turn += 1) await new Promise(setImmediate);
  };
  return {
    pipeline,
    preparations,
    runs,
    log,
    answers,
    stored,
    counters,
    settle,
    takePerRow: (ms: number) => (rowMs = ms),
    breakEngine: (error: Error) => (engineError = error),
    failure: () => failure,
    request: (id: number, samples: readonly (number | null)[], view = 0) => {
      pipeline.request(
        id,
        samples.map((sample) => (sample === null ? null : rowOf(sample, view))),
      );
    },
  };
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

describe('FeaturePipeline', () => {
  it('answers a request of cached rows at once, without an image or a backbone', () => {
    const p = makePipeline();
    p.stored.set('3/0', Float32Array.of(3, 0));
    p.request(0, [3, 3]);
    expect([...p.answers.get(0)!]).toEqual([3, 0, 3, 0]);
    expect(p.preparations).toHaveLength(0);
    expect(p.counters.read()).toMatchObject({ rowsCached: 2, rowsComputed: 0 });
  });

  it('answers a request of no rows', () => {
    const p = makePipeline();
    p.request(0, []);
    expect(p.answers.get(0)).toEqual(new Float32Array(0));
  });

  it('answers rows of padding with zeros, which are neither cached nor computed', async () => {
    const p = makePipeline();
    p.request(0, [null, null]);
    expect([...p.answers.get(0)!]).toEqual([0, 0, 0, 0]);
    p.request(1, [null, 7, null]);
    expect(p.preparations[0]!.rows).toHaveLength(1);
    p.preparations[0]!.finish();
    await p.settle();
    expect([...p.answers.get(1)!]).toEqual([0, 0, 7, 0, 0, 0]);
    expect(p.counters.read()).toMatchObject({ rowsCached: 0, rowsComputed: 1 });
  });

  it('writes an answer to an array that was given back, over all that was in it', () => {
    const p = makePipeline();
    p.stored.set('3/0', Float32Array.of(3, 0));
    // 2 features of 8192 rows: long enough to be kept (collective/vector-pool.ts)
    const rows = range(0, 8192).map((row) => (row % 3 === 0 ? null : 3));
    p.request(0, rows);
    const first = p.answers.get(0)!;
    const expected = first.slice();
    p.pipeline.recycle(first.fill(NaN));
    p.request(1, rows);
    expect(p.answers.get(1)).toBe(first);
    expect(first).toEqual(expected);
    p.request(2, rows);
    expect(p.answers.get(2)).not.toBe(first);
  });

  it('mixes cached and computed rows in request order, and stores what it computed', async () => {
    const p = makePipeline();
    p.stored.set('1/5', Float32Array.of(1, 5));
    p.request(0, [2, 1, 0], 5);
    expect(p.preparations[0]!.rows.map(({ file }) => file.id)).toEqual(['2', '0']);
    p.preparations[0]!.finish();
    await p.settle();
    expect([...p.answers.get(0)!]).toEqual([2, 5, 1, 5, 0, 5]);
    expect([...p.stored.keys()].sort()).toEqual(['0/5', '1/5', '2/5']);
    expect(p.counters.read()).toMatchObject({ rowsCached: 1, rowsComputed: 2 });
  });

  it('joins the misses of outstanding requests to full batches, with two parts or three full ones under way', async () => {
    const p = makePipeline();
    for (let id = 0; id < 12; id += 1) p.request(id, range(id * 10, id * 10 + 10));
    // The first two go out as they come; then at 32 waiting rows a full one; the rest waits.
    expect(p.preparations.map(({ rows }) => rows.length)).toEqual([10, 10, 32]);
    p.preparations[0]!.finish();
    await p.settle();
    expect(p.preparations.map(({ rows }) => rows.length)).toEqual([10, 10, 32, 32]);
    for (let batch = 1; batch < 4; batch += 1) p.preparations[batch]!.finish();
    await p.settle();
    expect(p.preparations.map(({ rows }) => rows.length)).toEqual([10, 10, 32, 32, 32, 4]);
    p.preparations[4]!.finish();
    p.preparations[5]!.finish();
    await p.settle();
    expect(p.log).toEqual(range(0, 12).map((id) => `answer ${id}`));
    expect(p.runs).toEqual([10, 10, 32, 32, 32, 4]);
    for (let id = 0; id < 12; id += 1) {
      expect([...p.answers.get(id)!]).toEqual(range(id * 10, id * 10 + 10).flatMap((n) => [n, 0]));
    }
  });

  it('computes a row once for all outstanding requests that want it', async () => {
    const p = makePipeline();
    p.request(0, [0, 1, 0]);
    p.request(1, [1, 2]);
    p.request(2, [2, 0]);
    expect(p.preparations.map(({ rows }) => rows.map(({ file }) => file.id))).toEqual([
      ['0', '1'],
      ['2'],
    ]);
    p.preparations[0]!.finish();
    p.preparations[1]!.finish();
    await p.settle();
    expect([0, 1, 2].map((id) => [...p.answers.get(id)!])).toEqual([
      [0, 0, 1, 0, 0, 0],
      [1, 0, 2, 0],
      [2, 0, 0, 0],
    ]);
    expect(p.counters.read()).toMatchObject({ rowsCached: 4, rowsComputed: 3 });
    // Nothing is remembered of it: with a cache that forgets, the row is computed again.
    p.stored.clear();
    p.request(3, [2]);
    expect(p.preparations).toHaveLength(3);
  });

  it('still computes a row that one request wants when another one that wanted it is aborted', async () => {
    const p = makePipeline();
    p.request(0, [8]);
    p.request(1, [9]);
    p.request(2, [0, 1]);
    p.request(3, [1]);
    p.pipeline.abort(2);
    p.request(4, [0]);
    p.preparations[0]!.finish();
    p.preparations[1]!.finish();
    await p.settle();
    expect(p.preparations[2]!.rows.map(({ file }) => file.id)).toEqual(['1', '0']);
    p.preparations[2]!.finish();
    await p.settle();
    expect(p.log).toEqual(['answer 0', 'answer 1', 'answer 3', 'answer 4']);
    expect([...p.answers.get(4)!]).toEqual([0, 0]);
  });

  it('rejects every request that wanted a row that failed', async () => {
    const p = makePipeline();
    p.request(0, [0, 1]);
    p.request(1, [1]);
    p.request(2, [0]);
    const error = new FtctlError('FT_DATA_CHANGED', { what: 'gone.' }).toJSON();
    p.preparations[0]!.finish([{ row: 1, error }]);
    await p.settle();
    expect(p.log).toEqual(['rejected 0 FT_DATA_CHANGED', 'rejected 1 FT_DATA_CHANGED', 'answer 2']);
  });

  it('cuts batches to what the backbone does in half a second', async () => {
    const p = makePipeline();
    p.takePerRow(60);
    p.request(0, range(0, 70));
    p.preparations[0]!.finish();
    await p.settle();
    // 500 / 60 = 8.3; the second full batch was under way already.
    expect(p.preparations.map(({ rows }) => rows.length)).toEqual([32, 32, 6]);
    p.request(1, range(100, 120));
    p.preparations[1]!.finish();
    p.preparations[2]!.finish();
    await p.settle();
    expect(p.preparations.map(({ rows }) => rows.length)).toEqual([32, 32, 6, 8, 8]);
    expect(p.counters.read().backboneSeconds).toBeCloseTo(70 * 0.06);
  });

  it('answers in the order of the requests, whatever is ready first', async () => {
    const p = makePipeline();
    p.stored.set('9/0', Float32Array.of(9, 0));
    p.request(0, [0]);
    p.request(1, [9]);
    p.request(2, [2]);
    p.preparations[1]!.finish();
    await p.settle();
    expect(p.log).toEqual([]);
    p.preparations[0]!.finish();
    await p.settle();
    expect(p.log).toEqual(['answer 0', 'answer 1', 'answer 2']);
  });

  it('keeps every row in its place for any requests, cache contents and order of completion', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(60), { maxLength: 40 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(60)),
        fc.infiniteStream(fc.nat()),
        async (requests, cached, choices) => {
          const p = makePipeline();
          for (const sample of cached) p.stored.set(`${sample}/7`, Float32Array.of(sample, 7));
          requests.forEach((samples, id) => {
            p.request(id, samples, 7);
          });
          const open = new Set<Preparation>();
          let seen = 0;
          for (;;) {
            for (; seen < p.preparations.length; seen += 1) open.add(p.preparations[seen]!);
            if (open.size === 0) break;
            const next = [...open][choices.next().value! % open.size]!;
            open.delete(next);
            next.finish();
            await p.settle();
          }
          expect(p.log).toEqual(requests.map((_, id) => `answer ${id}`));
          requests.forEach((samples, id) => {
            expect([...p.answers.get(id)!]).toEqual(samples.flatMap((sample) => [sample, 7]));
          });
          const { rowsCached, rowsComputed } = p.counters.read();
          expect(rowsCached + rowsComputed).toBe(requests.flat().length);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('rejects only the requests whose rows failed, in order, and goes on', async () => {
    const p = makePipeline();
    p.request(0, [0, 1]);
    p.request(1, [2, 3]);
    p.request(2, [4]);
    p.request(3, [5]);
    const error = new FtctlError('FT_DATA_CHANGED', { what: 'gone.' }).toJSON();
    p.preparations[0]!.finish();
    p.preparations[1]!.finish([{ row: 1, error }]);
    await p.settle();
    p.preparations[2]!.finish();
    await p.settle();
    expect(p.log).toEqual(['answer 0', 'rejected 1 FT_DATA_CHANGED', 'answer 2', 'answer 3']);
    expect(p.stored.has('2/0')).toBe(true);
    expect(p.stored.has('3/0')).toBe(false);
    expect(p.counters.read().rowsComputed).toBe(5);
  });

  it('forgets an aborted request: waiting rows are dropped, rows under way are kept for the cache', async () => {
    const p = makePipeline();
    p.request(0, [0]);
    p.request(1, [1]);
    p.request(2, [2]);
    p.request(3, [3]);
    p.pipeline.abort(0);
    p.pipeline.abort(2);
    p.preparations[0]!.finish();
    p.preparations[1]!.finish();
    await p.settle();
    expect(p.preparations[2]!.rows.map(({ file }) => file.id)).toEqual(['3']);
    p.preparations[2]!.finish();
    await p.settle();
    expect(p.log).toEqual(['answer 1', 'answer 3']);
    expect([...p.stored.keys()]).toEqual(['0/0', '1/0', '3/0']);
  });

  it('lets the next request through when the one before it is aborted', () => {
    const p = makePipeline();
    p.stored.set('9/0', Float32Array.of(9, 0));
    p.request(0, [0]);
    p.request(1, [9]);
    p.pipeline.abort(0);
    expect(p.log).toEqual(['answer 1']);
  });

  it('fails once when the backbone or the image source fails', async () => {
    const broken = makePipeline();
    broken.breakEngine(new Error('no memory'));
    broken.request(0, [0]);
    broken.request(1, [1]);
    broken.preparations[0]!.finish();
    broken.preparations[1]!.finish();
    await broken.settle();
    expect(broken.log).toEqual(['failed FT_INTERNAL']);
    expect(broken.failure()!.message).toBe('Unexpected failure: no memory');

    const lost = makePipeline();
    lost.request(0, [0]);
    lost.preparations[0]!.fail(new FtctlError('FT_THREAD_LOST', { what: 'dead.' }));
    await lost.settle();
    expect(lost.log).toEqual(['failed FT_THREAD_LOST']);
  });

  it('runs nothing more once it is closed', async () => {
    const p = makePipeline();
    p.request(0, [0]);
    await p.pipeline.close();
    p.preparations[0]!.finish();
    p.request(1, [1]);
    await p.settle();
    expect(p.runs).toEqual([]);
    expect(p.log).toEqual([]);
    expect(p.pipeline.isIdle).toBe(false);
  });
});

describe('batchRows', () => {
  it('is 32, or as many as fit in 24 MiB, and at least one', () => {
    expect(batchRows(3 * 64 * 64)).toBe(32);
    // 3 * 299 * 299 * 4 = 1,072,812 bytes; 25,165,824 / 1,072,812 = 23.4
    expect(batchRows(3 * 299 * 299)).toBe(23);
    expect(batchRows(1e9)).toBe(1);
  });
});
