import { inlineStateWork, type StateWork } from '../state-work.js';
import { StateMemory } from './state-memory.js';
import { threadedStateWork } from './threaded-state-work.js';

/**
 * A step on so many parameters keeps the calling thread busy for about 1 ms, and takes as long in another thread, messages included
 * (bench/state-work.bench.ts).
 */
const threadFrom = 50_000;

/** Whether the work of a state is done in a thread of its own. What memory for kernels does not hold (over 268 million values) is not. */
export function hasStateThread(numParameters: number): boolean {
  return numParameters >= threadFrom && StateMemory.fits(numParameters);
}

/** The work of a state of `numParameters` values in each of its large arrays. */
export function openStateWork(numParameters: number): StateWork {
  return hasStateThread(numParameters) ? threadedStateWork(numParameters) : inlineStateWork();
}
