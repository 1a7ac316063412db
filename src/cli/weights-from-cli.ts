import { resolve } from 'node:path';
import { resolveArchitecture } from '../config/architecture-aliases.js';
import { defaultCacheDir, processEnvironment } from '../config/paths.js';
import { isWeightsPath } from '../config/weights-reference.js';
import { importWeights, type ImportedWeights } from '../models/weights/import-weights.js';
import { inspectWeights, type WeightsReport } from '../models/weights/inspect-weights.js';
import type { FetchOptions } from '../models/weights/read-source.js';
import {
  weightsSource,
  type Normalisation,
  type WeightsSource,
} from '../models/weights/weights-source.js';
import { FtctlError } from '../errors/index.js';
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
  if (source.type !== 'random') return source;
  throw new FtctlError('FT_USAGE', {
    what: 'Random weights are in no file.',
    remedy: 'Name a file or a source; docs/weights.md lists them.',
  });
}

function fetchOptions(): FetchOptions {
  return { cacheDir: defaultCacheDir(processEnvironment()), onProgress: progressLine() };
}

/** `ftctl weights inspect`. */
export function inspectFromCli(choice: WeightsChoice): Promise<WeightsReport> {
  return inspectWeights(sourceOf(choice), fetchOptions());
}

/** Three numbers, as `0.5,0.5,0.5`. */
function readTriple(text: string, flag: string): readonly [number, number, number] {
  const parts = text.split(',');
  const [r, g, b, ...others] = parts.map(Number);
  const isValid = parts.every((part) => part.trim() !== '' && Number.isFinite(Number(part)));
  if (!isValid || r === undefined || g === undefined || b === undefined || others.length > 0) {
    throw new FtctlError('FT_USAGE', {
      what: `--${flag} is ${text}.`,
      why: 'It is three numbers, for red, green and blue: 0.485,0.456,0.406.',
    });
  }
  return [r, g, b];
}

/** `ftctl weights import`. */
export async function importFromCli(
  choice: WeightsChoice & {
    readonly architecture: string;
    readonly width: number;
    readonly mean: string | undefined;
    readonly std: string | undefined;
  },
): Promise<ImportedWeights> {
  const { mean, std, width } = choice;
  const normalisation: Normalisation | undefined =
    mean === undefined || std === undefined
      ? undefined
      : { mean: readTriple(mean, 'mean'), std: readTriple(std, 'std') };
  const architecture = resolveArchitecture(choice.architecture);
  return importWeights(sourceOf(choice, architecture), {
    ...fetchOptions(),
    ...{ architecture, width, normalisation },
  });
}
