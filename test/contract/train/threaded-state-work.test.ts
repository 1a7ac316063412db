import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { encodeSnapshot } from '../../../src/state/snapshot.js';
import { initialState, type TrainingState } from '../../../src/state/training-state.js';
import { makeTrainer } from '../../../src/train/make-trainer.js';
import { updateScalars } from '../../../src/train/optimizers/update.js';
import { inlineStateWork, type StateWork } from '../../../src/train/state-work.js';
import { threadedStateWork } from '../../../src/train/state-work/threaded-state-work.js';
import { smallPhase, smallRun, smallTrainer, trainAlone } from '../../support/train/small-run.js';
import { RandomSource } from '../../support/weights/random-source.js';

/** More than one block of a gradient, and so many that the thread is used. */
const numParameters = 70_003;
const adam = {
  type: 'adamw' as const,
  ...{ learningRate: 0.01, weightDecay: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, groups: [] },
};

function numbers(seed: number, length = numParameters): Float32Array {
  const random = new RandomSource(seed);
  return Float32Array.from({ length }, () => random.uniform() - 0.5);
}

function start(work: StateWork): TrainingState {
  const initial = { parameters: numbers(1), statistics: Float32Array.of(1, 2) };
  return initialState(initial, (length) => work.allocate(length));
}

/** What a run does to its state: each step is an operation of the work. */
type Operation = 'step' | 'best' | 'restart' | 'restart from best' | 'restore';

async function apply(
  work: StateWork,
  state: TrainingState,
  operation: Operation,
  seed: number,
): Promise<TrainingState> {
  switch (operation) {
    case 'step': {
      state.round += 1;
      state.updates += 1;
      const place = { step: state.updates, learningRate: 0.01, weightDecay: 0.1 };
      const given = numbers(seed, numParameters + 4);
      const { numBad, ledger, reduced } = await work.inspect(given, state.ledger, state.round);
      expect(numBad).toBe(0);
      state.ledger = ledger;
      const range = { gradientOffset: 0, parameterOffset: 0, length: numParameters };
      await work.update(state, {
        ...{ reduced, numTrained: numParameters, weight: 3, clip: { norm: 1, value: null } },
        ranges: [{ ...range, scalars: updateScalars(adam, place) }],
      });
      return state;
    }
    case 'best': {
      const parameters = await work.keep(state.parameters, state.best?.parameters);
      const statistics = state.statistics.slice();
      state.best = { phase: 0, epoch: seed, value: 0.5, parameters, statistics };
      return state;
    }
    case 'restart':
      await work.restart(state, null);
      state.updates = 0;
      return state;
    case 'restart from best':
      await work.restart(state, state.best);
      state.updates = 0;
      return state;
    case 'restore':
      return work.restore((await work.snapshot(state)).bytes);
  }
}

describe('the work of a large state in a thread', () => {
  const threaded = threadedStateWork(numParameters);
  const open: StateWork[] = [threaded];
  const opened = (): StateWork => {
    const work = threadedStateWork(numParameters);
    open.push(work);
    return work;
  };
  afterAll(async () => {
    for (const work of open) await work.close();
  });

  it('has the bits of the inline work, whatever a run does', async () => {
    const operation = fc.constantFrom<Operation>(
      'step',
      'step',
      'best',
      'restart',
      'restart from best',
      'restore',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 8 }), async (operations) => {
        const inline = inlineStateWork();
        const work = opened();
        let expected = start(inline);
        let state = start(work);
        for (const [seed, operation] of operations.entries()) {
          expected = await apply(inline, expected, operation, seed);
          state = await apply(work, state, operation, seed);
        }
        expect((await work.snapshot(state)).hash).toBe(encodeSnapshot(expected).hash);
        await work.close();
      }),
      { numRuns: 10 },
    );
  });

  it('takes a whole run to the same state', async () => {
    const phases = [smallPhase({ epochs: 2 }), smallPhase({ epochs: 2, from: 'best' })];
    const run = smallRun({ numTest: 9, phases });
    const inline = smallTrainer(run);
    await trainAlone(run, inline.trainer);
    const work = threadedStateWork(run.initial.parameters.length);
    open.push(work);
    const { engine, features } = smallTrainer(run);
    const trainer = makeTrainer({
      ...run,
      work,
      open: () => Promise.resolve({ engine, features }),
    });
    await trainAlone(run, trainer);
    expect(await trainer.stateRef()).toEqual(await inline.trainer.stateRef());
  });

  it('counts what is not finite, and gives back the vector', async () => {
    const given = numbers(5);
    given[7] = NaN;
    given[numParameters - 1] = -Infinity;
    const expected = await inlineStateWork().inspect(given.slice(), 'ab'.repeat(32), 3);
    const found = await threaded.inspect(given, 'ab'.repeat(32), 3);
    expect({ ...found, reduced: [] }).toEqual({ ...expected, reduced: [] });
    expect(found.numBad).toBe(2);
    expect(Buffer.compare(bytesOf(found.reduced), bytesOf(expected.reduced))).toBe(0);
  });

  it('goes on with its state after bytes that are none', async () => {
    const work = opened();
    const state = start(work);
    const bytes = Buffer.from((await work.snapshot(state)).bytes);
    bytes[100] = bytes[100]! ^ 1;
    const error: unknown = await work.restore(bytes).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FtctlError);
    expect(error).toMatchObject({
      code: 'FT_CHECKPOINT_DAMAGED',
      message: 'The checkpoint cannot be used: its contents do not match its checksum.',
    });
    const inline = inlineStateWork();
    const expected = await apply(inline, start(inline), 'step', 1);
    await apply(work, state, 'step', 1);
    expect((await work.snapshot(state)).hash).toBe(encodeSnapshot(expected).hash);
  });

  it('gives back a state of another run, which the trainer refuses', async () => {
    const other = initialState({
      parameters: Float32Array.of(1, 2, 3),
      statistics: new Float32Array(0),
    });
    expect(await threaded.restore(encodeSnapshot(other).bytes)).toEqual(other);
  });

  it('rejects what waits for it, and what comes after, once it is closed', async () => {
    const work = threadedStateWork(numParameters);
    const state = start(work);
    const waiting = work.snapshot(state).then(
      () => undefined,
      (error: unknown) => error,
    );
    await work.close();
    const expected = {
      code: 'FT_THREAD_LOST',
      message: 'The thread that updates the parameters has ended. It was closed.',
      phase: 'update',
    };
    expect(await waiting).toMatchObject(expected);
    await expect(work.keep(state.parameters, undefined)).rejects.toMatchObject(expected);
    await work.close();
  });

  it('takes no array that is not of its memory', async () => {
    const foreign = initialState({ parameters: numbers(1), statistics: new Float32Array(0) });
    await expect(threaded.keep(foreign.parameters, undefined)).rejects.toThrow(
      'An array is not in memory of this work.',
    );
    expect(() => threaded.allocate(5)).toThrow(RangeError);
  });
});

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
