import { availableParallelism } from 'node:os';
import { extname, resolve } from 'node:path';
import { FtctlError } from '../errors/index.js';
import type { ArrayFormat } from '../inference/array-header.js';
import { writeFeatures } from '../inference/write-features.js';
import { layerGraph } from '../models/layer-graph.js';
import { trainedRuns } from '../state/trained-runs.js';
import { loadFromCli } from './config-from-cli.js';
import { interruptible } from './interruptible.js';
import { progressLine } from './progress-line.js';

/** What `ftctl features --json` prints. */
export interface FeaturesResult {
  readonly path: string;
  readonly layer: string;
  readonly shape: readonly number[];
  /** In the order of the rows. */
  readonly images: readonly string[];
}

/** `ftctl features`. */
export async function featuresFromCli(choice: {
  readonly folder: string;
  readonly layer: string | undefined;
  readonly out: string;
  readonly config: string | undefined;
  readonly runsDir: string;
  readonly sets: readonly string[];
}): Promise<FeaturesResult> {
  const folder = resolve(choice.folder);
  const path = resolve(choice.out);
  const format = formatOf(choice.out);
  const source = `data.source=${JSON.stringify(folder)}`;
  const { spec } = await loadFromCli(choice.config, [source, ...choice.sets]);
  const { imageSize, background, normalise, valTransform } = spec.data;
  const report = progressLine();
  const threads = spec.engine.threads ?? availableParallelism();
  return interruptible(async (signal) => {
    const graph = await layerGraph(spec.model, choice.layer ?? null, {
      ...{ imageSize, background, normalise, valTransform },
      ...{ seed: spec.seed, cacheDir: spec.cache.path, onProgress: report, signal },
      findTrainedRun: trainedRuns({ runsDir: choice.runsDir, cacheDir: spec.cache.path }),
    });
    const written = await writeFeatures(graph, {
      ...{ folder, path, format, threads, signal },
      onProgress: (message, done, total) => {
        report({ message, done, total });
      },
    });
    return { path, layer: graph.layer, ...written };
  });
}

function formatOf(out: string): ArrayFormat {
  const ending = extname(out);
  if (ending === '.npy' || ending === '.safetensors')
    return ending === '.npy' ? 'npy' : 'safetensors';
  throw new FtctlError('FT_USAGE', {
    what: `--out is ${out}.`,
    why: 'Its ending says the format: .npy or .safetensors.',
    remedy: 'Give the file one of these endings.',
  });
}
