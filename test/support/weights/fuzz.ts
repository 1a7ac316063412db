import { FtctlError } from '../../../src/errors/index.js';
import { describeNetwork } from '../../../src/models/registry.js';
import { FormatError } from '../../../src/models/weights/format-error.js';
import { MemoryBudget } from '../../../src/models/weights/memory-budget.js';
import { decodeWeights } from '../../../src/models/weights/read-weights.js';
import { savedNormalisation } from '../../../src/models/weights/saved-normalisation.js';
import { specOfMetadata } from '../../../src/models/weights/weights-blob.js';
import { mutateFile } from './mutate-file.js';
import { RandomSource } from './random-source.js';
import { externalFile } from './seed-files.js';

/** What a mutated file may come to: it is read, or it is refused with one of these. */
const refusals = new Set(['FT_WEIGHTS_DAMAGED', 'FT_WEIGHTS_PICKLE', 'FT_WEIGHTS_FORMAT']);

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

function external(location: string): Uint8Array {
  if (location === externalFile.name) return externalFile.bytes;
  throw new FormatError(`there is no ${JSON.stringify(location)}`);
}

/** Reads one mutant, and what its metadata say. Throws what the reader must never throw, or where it makes too much of a file. */
export function fuzzOne(seeds: readonly Buffer[], seed: number, number: number): FuzzCase {
  const bytes = mutant(seeds, seed, number);
  const start = performance.now();
  const finish = (outcome: FuzzCase['outcome']): FuzzCase => ({
    outcome,
    numBytes: bytes.length,
    milliseconds: performance.now() - start,
  });
  try {
    const { tensors, metadata } = decodeWeights(bytes, 'mutant', external);
    const total = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    if (total > new MemoryBudget(bytes.length + externalFile.bytes.length).bytesLeft) {
      throw new Error(`${bytes.length} bytes became ${total}`);
    }
    const spec = specOfMetadata(metadata);
    if (spec !== null) describeNetwork({ ...spec, numClasses: 2 });
    savedNormalisation(metadata, 'mutant');
    return finish('read');
  } catch (error) {
    if (!(error instanceof FtctlError) || !refusals.has(error.code)) {
      throw new Error(`mutant ${number} of seed ${seed}`, { cause: error });
    }
    return finish(error.code as FuzzCase['outcome']);
  }
}
