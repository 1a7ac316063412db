import { resolveArchitecture } from './architecture-aliases.js';
import { parseDuration } from './duration.js';
import { isRemote, pathOfFileUrl, type ResolvePath } from './paths.js';
import { compilePhase } from './phase-forms.js';
import { resolvedRunReference } from './run-reference.js';
import type { AugmentSpec, BatchSpec, ModelSpec, RunSpec } from './run-spec.js';
import type { UserConfig } from './schema.js';
import { defaultShards } from './shards.js';
import { isWeightsPath } from './weights-reference.js';

/** What the computed defaults come from. */
export interface CompileOptions {
  readonly defaultName: string;
  readonly defaultCacheDir: string;
  readonly resolvePath: ResolvePath;
}

/** Turns a checked document into the frozen specification of a run. Pure; does not look at the file system. */
export function compileConfig(config: UserConfig, options: CompileOptions): RunSpec {
  const { model, batch, engine, cache } = config;
  const { views, ...data } = config.data;
  const absolute = <T extends string | null>(group: string, key: string, path: T): T =>
    path === null ? path : (options.resolvePath([group, key], path) as T);
  return deepFreeze<RunSpec>({
    name: config.name ?? options.defaultName,
    seed: config.seed,
    data: {
      ...data,
      source: isRemote(data.source)
        ? data.source
        : absolute('data', 'source', pathOfFileUrl(data.source)),
      rules: absolute('data', 'rules', data.rules),
      classNames: absolute('data', 'classNames', data.classNames),
      views: compileViews(views, data.augment),
    },
    model: compileModel(model, options.resolvePath),
    phases: config.phases.map((phase) => compilePhase(phase, config.best.metric)),
    batch: compileBatch(batch),
    workers: config.workers,
    toleranceMs: parseDuration(config.tolerance),
    best: config.best,
    engine: { ...engine, threads: engine.threads === 'auto' ? null : engine.threads },
    cache: {
      path:
        cache.path === undefined ? options.defaultCacheDir : absolute('cache', 'path', cache.path),
      features: cache.features === 'auto' ? null : cache.features,
      images: cache.images,
    },
    checkpoint: config.checkpoint,
    metrics: config.metrics,
    security: config.security,
    training: config.training,
  });
}

/** The network's part of {@link compileConfig}: a family's name is resolved, and paths are absolute. */
export function compileModel(model: UserConfig['model'], resolvePath: ResolvePath): ModelSpec {
  const { architecture, width, weights, integrity, onnx, output } = model;
  if (onnx !== null) return { onnx: resolvePath(['model', 'onnx'], onnx), output };
  if (architecture === null || weights === null) throw new Error('a model without a network');
  const resolveWeights = (path: string): string => resolvePath(['model', 'weights'], path);
  return {
    architecture: resolveArchitecture(architecture),
    width,
    weights: isWeightsPath(weights)
      ? resolveWeights(weights)
      : resolvedRunReference(weights, resolveWeights),
    integrity,
  };
}

/** The global batch's part of {@link compileConfig}. */
export function compileBatch({ size, shards }: UserConfig['batch']): BatchSpec {
  return { size, shards: shards ?? defaultShards(size) };
}

/** Without augmentation all views of an image are the same one. */
function compileViews(views: UserConfig['data']['views'], augment: AugmentSpec): number | null {
  if (views === undefined) return isNeutral(augment) ? 1 : null;
  return views === 'fresh' ? null : views;
}

/** Whether a specification of views changes nothing. */
export function isNeutral(augment: AugmentSpec): boolean {
  const { scale, crop, randomResizedCrop, randomErasing, ...strengths } = augment;
  return (
    [...scale, ...crop].every((v) => v === 1) &&
    Object.values(strengths).every((v) => v === 0) &&
    randomResizedCrop === null &&
    (randomErasing === null || randomErasing.probability === 0)
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
