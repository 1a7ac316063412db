import { join } from 'node:path';
import { FtctlError } from '../../errors/index.js';
import { download } from '../../util/download.js';
import { fetchNpmPackage } from '../../util/npm-package.js';
import type { NetworkSpec } from '../registry.js';
import type { ExternalData } from './external-values.js';
import { filesBeside } from './files-beside.js';
import { isOnnx } from './onnx-initializers.js';
import { damaged, decodeWeights, type WeightsFile } from './read-weights.js';
import { nsfwjsModels } from './tfjs/nsfwjs-models.js';
import { readNsfwjs } from './tfjs/nsfwjs.js';
import { mapTfjs, readTfjs, type TfjsModel, type TfjsNetwork } from './tfjs/read-tfjs.js';
import { readTfjsFiles } from './tfjs/tfjs-files.js';
import { maxWeightsBytes, readWeightsFile } from './weights-file.js';
import type { WeightsSource } from './weights-source.js';

export interface FetchProgress {
  readonly message: string;
  readonly done: number;
  /** 0: unknown. */
  readonly total: number;
  readonly unit: 'bytes' | 'steps';
}

export interface FetchOptions {
  readonly cacheDir: string;
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

type FileSource = Extract<WeightsSource, { type: 'file' | 'url' | 'npm' }>;

/** How a source is called in messages. */
export function sourceLabel(source: WeightsSource): string {
  switch (source.type) {
    case 'random':
      return 'random';
    case 'url':
      return source.url;
    case 'npm':
      return `npm:${source.name}@${source.version}#${source.file}`;
    case 'nsfwjs':
      return `npm:${source.name}@${source.version}#${source.model}`;
    default:
      return source.path;
  }
}

function fetchPackage(
  { name, version, integrity }: Extract<WeightsSource, { type: 'npm' | 'nsfwjs' }>,
  { cacheDir, onProgress, signal }: FetchOptions,
): Promise<string> {
  return fetchNpmPackage({
    ...{ name, version, integrity, cacheDir, signal },
    onProgress: (message) => onProgress?.({ message, done: 0, total: 1, unit: 'steps' }),
  });
}

/** The path of a source's file, which is fetched where it is not there yet. */
async function fetchFile(source: FileSource, options: FetchOptions): Promise<string> {
  if (source.type === 'file') return source.path;
  if (source.type === 'npm') return join(await fetchPackage(source, options), source.file);
  const { cacheDir, onProgress, signal } = options;
  const { url, expected } = source;
  return download({
    ...{ url, expected, cacheDir, signal, maxBytes: maxWeightsBytes },
    onProgress: (progress) => onProgress?.({ ...progress, unit: 'bytes' }),
  });
}

async function weightsFiles(path: string, model: Uint8Array, label: string): Promise<ExternalData> {
  try {
    return await filesBeside(path, model);
  } catch (error) {
    throw damaged(label, error);
  }
}

/** Fetches and reads the one file of a source. Rejects with FT_WEIGHTS_*, FT_DOWNLOAD_* or FT_DATA_* errors. */
export async function readFileSource(
  source: FileSource,
  options: FetchOptions,
): Promise<WeightsFile> {
  const path = await fetchFile(source, options);
  options.signal?.throwIfAborted();
  const bytes = await readWeightsFile(path);
  const label = sourceLabel(source);
  // A download is one file: what lies beside it in the cache belongs to others.
  const hasFiles = source.type !== 'url' && isOnnx(bytes);
  const external = hasFiles ? await weightsFiles(path, bytes, label) : undefined;
  return decodeWeights(bytes, label, external);
}

type TfjsSource = Extract<WeightsSource, { type: 'tfjs' | 'nsfwjs' }>;

/** Fetches and reads a tfjs model, whatever it computes. Rejects with FT_WEIGHTS_* or FT_DATA_* errors. */
export async function readTfjsModel(source: TfjsSource, options: FetchOptions): Promise<TfjsModel> {
  if (source.type === 'nsfwjs')
    return readNsfwjs(await fetchPackage(source, options), source.model);
  const { json, shards } = await readTfjsFiles(source.path);
  try {
    return readTfjs(json, (name) => shards.get(name) ?? new Uint8Array());
  } catch (error) {
    throw new FtctlError('FT_WEIGHTS_DAMAGED', {
      what: `${source.path} cannot be read: ${messageOf(error)}.`,
      cause: error,
      details: { file: source.path },
    });
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Fetches and reads a tfjs model as the network asked for. Rejects with FT_WEIGHTS_* or FT_DATA_* errors. */
export async function readTfjsSource(
  source: TfjsSource,
  network: Pick<NetworkSpec, 'architecture' | 'width' | 'numClasses'>,
  options: FetchOptions,
): Promise<TfjsNetwork> {
  const { architecture, width } = network;
  const label = sourceLabel(source);
  if (source.type === 'nsfwjs') {
    const published = nsfwjsModels[source.model];
    if (architecture !== published.architecture || width !== published.width) {
      throw new FtctlError('FT_WEIGHTS_MISMATCH', {
        what: `model.architecture is ${architecture} with width ${width}.`,
        why: `The weights of ${label} are ${published.architecture} with width ${published.width}.`,
        remedy: `Set \`model.architecture\` to ${published.architecture} and \`model.width\` to ${published.width}.`,
        details: { architecture, width },
      });
    }
  }
  const model = await readTfjsModel(source, options);
  try {
    return mapTfjs(model, network);
  } catch (error) {
    throw new FtctlError('FT_WEIGHTS_MISMATCH', {
      what: `${label} cannot be used as ${architecture} (width ${width}).`,
      why: `${messageOf(error)}.`,
      cause: error,
      details: { file: label },
    });
  }
}
