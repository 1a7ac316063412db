import { setImmediate } from 'node:timers/promises';
import type { TrainingState } from '../../state/training-state.js';
import { inlineStateWork, type StateWork } from '../state-work.js';
import type { OptimizerTensors } from '../optimizers/tensors.js';
import { StateMemory } from './state-memory.js';
import { StateThread } from './state-thread-calls.js';

/** Shorter vectors (the sums of an evaluation, say) are inspected at once: it takes less time than two messages. */
const shortVector = 16_384;

/** Bytes that are copied at once, which takes about 1 ms. */
const copyBytes = 8 * 2 ** 20;

/**
 * The work of a large state in a thread of its own; the calling thread only sends messages. Its large arrays are those of `allocate`, of
 * `numParameters` values each. Every call rejects with FT_THREAD_LOST once the thread has ended.
 */
export function threadedStateWork(numParameters: number): StateWork {
  const thread = new StateThread();
  const here = inlineStateWork();
  /** By the buffers of the arrays: a state that is restored has a memory of its own. */
  const memories = new WeakMap<ArrayBufferLike, StateMemory>();
  /** That of the last update. */
  let updated: StateMemory | undefined;

  const newMemory = (): StateMemory => {
    const memory = StateMemory.ofLength(numParameters);
    memories.set(memory.buffer, memory);
    return memory;
  };
  const memoryOf = ({ buffer }: Float32Array): StateMemory => {
    const memory = memories.get(buffer);
    if (memory === undefined) throw new RangeError('An array is not in memory of this work.');
    return memory;
  };
  const first = newMemory();

  return {
    allocate: (length) => first.allocate(length),
    inspect(reduced, ledger, round) {
      if (reduced.length <= shortVector) return here.inspect(reduced, ledger, round);
      const own = transferable(reduced);
      return thread.do({ kind: 'inspect', reduced: own, ledger, round }, [own.buffer]);
    },
    async update(state, task) {
      const memory = memoryOf(state.parameters);
      const place = memory === updated ? null : memory.place;
      updated = memory;
      const reduced = transferable(task.reduced);
      return thread.do(
        { kind: 'update', place, tensors: tensorsOf(state), task: { ...task, reduced } },
        [reduced.buffer],
      );
    },
    async keep(parameters, into = memoryOf(parameters).allocate(parameters.length)) {
      await thread.do({ kind: 'copy', from: parameters, into });
      return into;
    },
    async restart(state, from) {
      const parameters = from === null ? null : from.parameters;
      await thread.do({ kind: 'restart', tensors: tensorsOf(state), parameters });
      if (from !== null) state.statistics.set(from.statistics);
    },
    snapshot: (state) => thread.do({ kind: 'snapshot', state }),
    async restore(bytes) {
      const memory = newMemory();
      const shared = await sharedCopy(bytes);
      const { place } = memory;
      const { state, used } = await thread.do({ kind: 'restore', place, bytes: shared });
      return memory.adopt(state, used);
    },
    close: () => thread.close(),
  };
}

function tensorsOf({ parameters, firstMoments, secondMoments }: TrainingState): OptimizerTensors {
  return { parameters, firstMoments, secondMoments };
}

/** An array that is all of its buffer, so that it can be moved to another thread: the array itself, if it is. */
function transferable(values: Float32Array): Float32Array<ArrayBuffer> {
  const isWhole =
    values.buffer instanceof ArrayBuffer && values.byteLength === values.buffer.byteLength;
  return isWhole ? (values as Float32Array<ArrayBuffer>) : new Float32Array(values);
}

/** In pieces, between which the event loop turns. */
async function sharedCopy(bytes: Uint8Array): Promise<Uint8Array> {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  for (let done = 0; done < bytes.length; done += copyBytes) {
    shared.set(bytes.subarray(done, done + copyBytes), done);
    await setImmediate();
  }
  return shared;
}
