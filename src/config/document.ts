import { stringify } from 'yaml';
import { formatDuration } from './duration.js';
import { phaseDocument } from './phase-forms.js';
import type { RunSpec } from './run-spec.js';
import type { UserConfigInput } from './schema.js';

/**
 * The document that compiles to `spec`: every key is there, every path absolute. The inverse of `compileConfig`,
 * and the form in which a run keeps its configuration.
 */
export function toDocument(spec: RunSpec): UserConfigInput {
  const { data, model, engine, cache } = spec;
  const copy = <T>(triple: readonly [T, T, T]): [T, T, T] => [...triple];
  return {
    apiVersion: 'ftctl/v1',
    kind: 'TrainingRun',
    name: spec.name,
    seed: spec.seed,
    data: {
      source: data.source,
      integrity: data.integrity,
      sha256: data.sha256,
      within: data.within,
      rules: data.rules,
      classNames: data.classNames,
      split: { ...data.split },
      onBadFile: data.onBadFile,
      imageSize: data.imageSize,
      views: data.views ?? 'fresh',
      valTransform: { ...data.valTransform },
      background: copy(data.background),
      augment: {
        ...data.augment,
        scale: pair(data.augment.scale),
        crop: pair(data.augment.crop),
        randomResizedCrop: ranges(data.augment.randomResizedCrop),
        randomErasing: ranges(data.augment.randomErasing),
      },
      normalise:
        data.normalise === null
          ? null
          : { mean: copy(data.normalise.mean), std: copy(data.normalise.std) },
    },
    model: { ...noModel, ...model },
    phases: spec.phases.map(phaseDocument),
    batch: { ...spec.batch },
    workers: { ...spec.workers },
    tolerance: formatDuration(spec.toleranceMs),
    best: { ...spec.best },
    engine: { provider: engine.provider, threads: engine.threads ?? 'auto' },
    cache: { path: cache.path, features: cache.features ?? 'auto', images: cache.images },
    checkpoint: { ...spec.checkpoint },
    metrics: { ...spec.metrics },
    security: { ...spec.security },
    training: { ...spec.training },
  };
}

/** An architecture has no keys of an ONNX file, and the other way round. */
const noModel = {
  ...{ architecture: null, width: 1, weights: null, integrity: null },
  ...{ onnx: null, output: null },
};

function pair([low, high]: readonly [number, number]): [number, number] {
  return [low, high];
}

type Ranges = {
  readonly area: readonly [number, number];
  readonly ratio: readonly [number, number];
};
type Mutable<T extends Ranges> = Omit<T, keyof Ranges> & Record<keyof Ranges, [number, number]>;

function ranges<T extends Ranges>(group: T | null): Mutable<T> | null {
  return group === null ? null : { ...group, area: pair(group.area), ratio: pair(group.ratio) };
}

/** {@link toDocument} as YAML text. */
export function toYaml(spec: RunSpec): string {
  return stringify(toDocument(spec), { lineWidth: 0, aliasDuplicateObjects: false });
}
