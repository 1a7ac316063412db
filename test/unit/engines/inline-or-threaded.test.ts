import { expect, test } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { fitsInline, inlineOrThreaded } from '../../../src/engines/inline-or-threaded.js';
import type { PhaseEngine, ShardBatch } from '../../../src/engines/phase-engine.js';

const sizes = { numFeatures: 1792, numClasses: 16 };
const place = { firstShard: 0, numShards: 9, numShardsOfRun: 9 };
const tensors = { parameters: new Float32Array(0), statistics: new Float32Array(0) };

/** No more than its sizes are looked at. */
function batchOf(numShards: number): ShardBatch {
  return {
    ...{ numShards, rowsPerShard: 2, mix: null, dropout: null },
    features_SBF: new Float32Array(0),
    targets_SBK: new Float32Array(0),
    labels_SB: new Int32Array(0),
    weights_S: new Float32Array(0),
    counts_S: new Float32Array(0),
  };
}

function fakeEngine(closing: Promise<void> = Promise.resolve()) {
  const log: string[] = [];
  const engine: PhaseEngine = {
    gradients: () => {
      log.push('gradients');
      return Promise.resolve([]);
    },
    evaluate: () => {
      log.push('evaluate');
      return Promise.resolve({ losses_S: new Float32Array(0), correct_S: new Float32Array(0) });
    },
    close: () => {
      log.push('close');
      return closing;
    },
  };
  return { engine, log };
}

test('a run is done inline up to two million operations, the gradient counting as much as the forward', () => {
  const head = { numFeatures: 1792, numClasses: 16 };
  // 4 * 8 * 2 * 1792 * 16 = 1,835,008; a ninth shard makes 2,064,384. Without the gradient, half: 17 shards of 2 rows fit.
  expect(fitsInline({ numShards: 8, rowsPerShard: 2 }, head, 'gradient')).toBe(true);
  expect(fitsInline({ numShards: 9, rowsPerShard: 2 }, head, 'gradient')).toBe(false);
  expect(fitsInline({ numShards: 17, rowsPerShard: 2 }, head, 'evaluation')).toBe(true);
  expect(fitsInline({ numShards: 18, rowsPerShard: 2 }, head, 'evaluation')).toBe(false);
});

test("small runs are the inline engine's, and the thread is started once, by the first large one", async () => {
  const inline = fakeEngine();
  const threaded = fakeEngine();
  let numOpened = 0;
  const engine = inlineOrThreaded(sizes, inline.engine, () => {
    numOpened += 1;
    return Promise.resolve(threaded.engine);
  });
  await engine.gradients([batchOf(8)], place, tensors);
  await engine.evaluate(batchOf(17), tensors);
  expect(numOpened).toBe(0);
  await engine.gradients([batchOf(9)], place, tensors);
  await engine.evaluate(batchOf(18), tensors);
  await engine.close();
  expect(numOpened).toBe(1);
  expect(inline.log).toEqual(['gradients', 'evaluate', 'close']);
  expect(threaded.log).toEqual(['gradients', 'evaluate', 'close']);
});

test('a thread that could not be opened is opened again by the next large run', async () => {
  const inline = fakeEngine();
  const threaded = fakeEngine();
  const outcomes = [
    () => Promise.reject(new Error('no thread')),
    () => Promise.resolve(threaded.engine),
  ];
  const engine = inlineOrThreaded(sizes, inline.engine, () => outcomes.shift()!());
  await expect(engine.gradients([batchOf(9)], place, tensors)).rejects.toThrow('no thread');
  expect(await engine.gradients([batchOf(9)], place, tensors)).toEqual([]);
  await engine.close();
  expect(threaded.log).toEqual(['gradients', 'close']);
});

test('closing closes a thread that is being opened, also where the inline engine cannot be closed', async () => {
  const inline = fakeEngine(Promise.reject(new Error('it does not close')));
  const threaded = fakeEngine();
  let opened: (engine: PhaseEngine) => void = () => undefined;
  const engine = inlineOrThreaded(
    sizes,
    inline.engine,
    () =>
      new Promise((resolve) => {
        opened = resolve;
      }),
  );
  const run = engine.gradients([batchOf(9)], place, tensors);
  const closing = expect(engine.close()).rejects.toThrow('it does not close');
  opened(threaded.engine);
  await closing;
  await run;
  expect(threaded.log).toContain('close');
});

test('a closed engine starts no thread', async () => {
  const engine = inlineOrThreaded(sizes, fakeEngine().engine, () => {
    throw new Error('A thread was started.');
  });
  await engine.close();
  const error = await engine.evaluate(batchOf(18), tensors).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FtctlError);
  expect(error).toMatchObject({
    code: 'FT_ENGINE_FAILED',
    message: 'Gradients were asked for too late. The engine was closed.',
  });
});
