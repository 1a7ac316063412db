import { FtctlError } from '../../../src/errors/index.js';
import { decodeWeights } from '../../../src/models/weights/read-weights.js';
import { mutateFile } from './mutate-file.js';
import { RandomSource } from './random-source.js';

/** What a mutated file may come to: it is read, or it is refused with one of these. */
const refusals = new Set(['FT_WEIGHTS_DAMAGED', 'FT_WEIGHTS_PICKLE', 'FT_WEIGHTS_FORMAT']);

/** How much may be made of a file, whatever it says: see readPth. */
const maxExpansion = 16;
const freeBytes = 16 * 1024 * 1024;

export interface FuzzCase {
  readonly outcome: 'read' | 'FT_WEIGHTS_DAMAGED' | 'FT_WEIGHTS_PICKLE' | 'FT_WEIGHTS_FORMAT';
  readonly numBytes: number;
  readonly milliseconds: number;
}

/** The mutant of that number: a pure function of seed and number, so that a failure can be looked at alone. */
export function mutant(seeds: readonly Buffer[], seed: number, number: number): Buffer {
  const random = new RandomSource(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b));
  return mutateFile(seeds[number % seeds.length]!, random, seeds);
}

/** Reads one mutant. Throws what the reader must never throw, or where it makes too much of a file. */
export function fuzzOne(seeds: readonly Buffer[], seed: number, number: number): FuzzCase {
  const bytes = mutant(seeds, seed, number);
  const start = performance.now();
  const finish = (outcome: FuzzCase['outcome']): FuzzCase => ({
    outcome,
    numBytes: bytes.length,
    milliseconds: performance.now() - start,
  });
  try {
    const { tensors } = decodeWeights(bytes, 'mutant');
    const total = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    if (total > freeBytes + maxExpansion * bytes.length) {
      throw new Error(`${bytes.length} bytes became ${total}`);
    }
    return finish('read');
  } catch (error) {
    if (!(error instanceof FtctlError) || !refusals.has(error.code)) {
      throw new Error(`mutant ${number} of seed ${seed}`, { cause: error });
    }
    return finish(error.code as FuzzCase['outcome']);
  }
}
