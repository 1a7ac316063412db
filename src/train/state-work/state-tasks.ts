import { kernelMemory, Kernels } from '../../kernels/kernels.js';
import { extendLedger } from '../../state/ledger.js';
import { decodeSnapshot, encodeSnapshot } from '../../state/snapshot.js';
import { type ClipScalars, clipScalars, normBlockLength, normOfBlocks } from '../clip.js';
import type { OptimizerTensors } from '../optimizers/tensors.js';
import type { UpdateTask } from '../state-work.js';
import { countBad, divide, limit, squares, update } from './kernel-loops.js';
import { type MemoryPlace, StateMemory } from './state-memory.js';
import type { StateResults, StateTask } from './state-thread-messages.js';

/** Does what the thread is asked for, with the bits of `inlineStateWork`. Throws what that throws. */
export class StateTasks {
  readonly #inspector = new Inspector();
  #updater: Updater | undefined;

  do(task: StateTask): StateResults[keyof StateResults] {
    switch (task.kind) {
      case 'inspect': {
        const { reduced, ledger, round } = task;
        const numBad = this.#inspector.countNotFinite(reduced);
        return { numBad, ledger: extendLedger(ledger, round, reduced), reduced };
      }
      case 'update':
        if (task.place !== null) this.#updater = new Updater(task.place);
        this.#updater!.update(task.tensors, task.task);
        return task.task.reduced;
      case 'copy':
        task.into.set(task.from);
        return null;
      case 'restart': {
        const { parameters, firstMoments, secondMoments } = task.tensors;
        if (task.parameters !== null) parameters.set(task.parameters);
        firstMoments.fill(0);
        secondMoments.fill(0);
        return null;
      }
      case 'snapshot':
        return encodeSnapshot(task.state);
      case 'restore': {
        const memory = new StateMemory(task.place);
        // What has another length is a state of another run: the trainer says so.
        const allocate = (length: number): Float32Array =>
          length === task.place.length ? memory.allocate(length) : new Float32Array(length);
        const state = decodeSnapshot(task.bytes, allocate);
        return { state, used: memory.place.used };
      }
    }
  }
}

/** Looks through arrays that lie elsewhere, a block at a time. */
class Inspector {
  readonly #memory = kernelMemory(normBlockLength * Float32Array.BYTES_PER_ELEMENT);
  readonly #kernels = new Kernels(this.#memory);

  countNotFinite(values: Float32Array): number {
    let count = 0;
    for (let from = 0; from < values.length; from += normBlockLength) {
      const given = values.subarray(from, from + normBlockLength);
      const block = new Float32Array(this.#memory.buffer, 0, given.length);
      block.set(given);
      count += countBad(this.#kernels, block);
    }
    return count;
  }
}

/** Moves the parameters of one memory, a block of the gradient at a time, which is small enough for a cache. */
class Updater {
  readonly #kernels: Kernels;
  readonly #block: Float32Array;

  constructor(place: MemoryPlace) {
    this.#kernels = new Kernels(place.memory);
    this.#block = new StateMemory(place).block;
  }

  update(tensors: OptimizerTensors, task: UpdateTask): void {
    const { clip, ranges } = task;
    const isClipped = clip.norm !== null || clip.value !== null;
    const scalars = isClipped
      ? clipScalars(clip, clip.norm === null ? 0 : this.#norm(task))
      : undefined;
    for (const { gradientOffset, parameterOffset, length, scalars: rates } of ranges) {
      for (let done = 0; done < length; done += normBlockLength) {
        const size = Math.min(normBlockLength, length - done);
        const block = this.#mean(task, gradientOffset + done, size, scalars);
        const range = { gradientOffset: 0, parameterOffset: parameterOffset + done, length: size };
        update(this.#kernels, tensors, block, range, rates);
      }
    }
  }

  /** Of the mean gradient, in the blocks of `gradientNorm`. */
  #norm(task: UpdateTask): number {
    const blocks: number[] = [];
    for (let from = 0; from < task.numTrained; from += normBlockLength) {
      const size = Math.min(normBlockLength, task.numTrained - from);
      blocks.push(squares(this.#kernels, this.#mean(task, from, size)));
    }
    return normOfBlocks(blocks);
  }

  /** A block of the mean gradient, limited where there is a limit. */
  #mean(
    { reduced, weight }: UpdateTask,
    from: number,
    size: number,
    clip?: ClipScalars,
  ): Float32Array {
    const block = this.#block.subarray(0, size);
    block.set(reduced.subarray(from, from + size));
    divide(this.#kernels, block, weight);
    if (clip !== undefined) limit(this.#kernels, block, clip);
    return block;
  }
}
