import { resolve } from 'node:path';
import { resolveArchitecture } from '../config/architecture-aliases.js';
import { defaultCacheDir, processEnvironment } from '../config/paths.js';
import type { Rgb } from '../config/run-spec.js';
import { isWeightsPath } from '../config/weights-reference.js';
import { importWeights, type ImportedWeights } from '../models/weights/import-weights.js';
import { inspectWeights, type WeightsReport } from '../models/weights/inspect-weights.js';
import type { FetchOptions } from '../models/weights/read-source.js';
import { weightsSource, type WeightsSource } from '../models/weights/weights-source.js';
import { FtctlError } from '../errors/index.js';
import { inFlags } from './in-flags.js';
import { interruptible } from './interruptible.js';
import { progressLine } from './progress-line.js';

export type { ImportedWeights } from '../models/weights/import-weights.js';
export type { WeightsReport } from '../models/weights/inspect-weights.js';

interface WeightsChoice {
  readonly weights: string;
  readonly integrity: string | undefined;
}

function sourceOf(
  { weights, integrity }: WeightsChoice,
  architecture?: string,
): Exclude<WeightsSource, { type: 'random' }> {
  const source = weightsSource({
    weights: isWeightsPath(weights) ? resolve(weights) : weights,
    integrity: integrity ?? null,
    ...(architecture === undefined ? {} : { architecture }),
  });
  if (source.type === 'run') {
    throw new FtctlError('FT_USAGE', {
      what: `${weights} is a run.`,
      remedy: "Name its file: `RUN/model/model.safetensors`, in the run's folder.",
    });
  }
  if (source.type !== 'random') return source;
  throw new FtctlError('FT_USAGE', {
    what: 'Random weights are in no file.',
    remedy: 'Name a file or a source; docs/weights.md lists them.',
  });
}

function fetchOptions(signal: AbortSignal): FetchOptions {
  return { cacheDir: defaultCacheDir(processEnvironment()), onProgress: progressLine(), signal };
}

/** Runs a command of weights, whose errors speak of its flags. */
async function withFlags<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await interruptible(work);
  } catch (error) {
    throw inFlags(error);
  }
}

/** `ftctl weights inspect`. */
export function inspectWeightsFromCli(choice: WeightsChoice): Promise<WeightsReport> {
  return withFlags(async (signal) => inspectWeights(sourceOf(choice), fetchOptions(signal)));
}

/** `ftctl weights import`. */
export async function importWeightsFromCli(
  choice: WeightsChoice & {
    readonly architecture: string;
    readonly width: number;
    readonly mean: Rgb | undefined;
    readonly std: Rgb | undefined;
  },
): Promise<ImportedWeights> {
  const { mean, std, width } = choice;
  const normalisation = mean === undefined || std === undefined ? undefined : { mean, std };
  const architecture = resolveArchitecture(choice.architecture);
  return withFlags(async (signal) =>
    importWeights(sourceOf(choice, architecture), {
      ...fetchOptions(signal),
      ...{ architecture, width, normalisation },
    }),
  );
}
