import { isHead } from '../config/phase-checks.js';
import { conflict } from '../config/problem-parts.js';
import { problemsError, type Problem } from '../config/problems.js';
import type { RunSpec } from '../config/run-spec.js';
import type { BatchNormLayer, Network } from './network.js';
import { describeNetwork, torchvisionSpec } from './registry.js';
import { inferShapes, type Shape } from './shapes.js';
import { lossOutputs, resolveTrained, trainedBatchNorms } from './split-point.js';

/*
 * With `batchNorm: shard` a shard of one row has one value a channel where an image has a single pixel, and no variance. Where every
 * batch has such shards the configuration alone tells (check-train.ts); the last batch of an epoch depends on the number of samples.
 */

/** The first of these batch norms whose images are of 1 x 1, if there is one. */
export function singlePixelNorm(
  norms: readonly BatchNormLayer[],
  shapes: ReadonlyMap<string, Shape>,
): BatchNormLayer | undefined {
  return norms.find(({ name }) => {
    const [, height = 0, width = 0] = shapes.get(name) ?? [];
    return height * width === 1;
  });
}

type Batches = Pick<RunSpec, 'batch' | 'training'>;

/** Samples in the last batch of an epoch; in the others there are `batch.size`. */
export function lastBatchSize(numTrain: number, { batch, training }: Batches): number {
  const { limitBatches, overfitBatch } = training;
  if (overfitBatch) return Math.min(numTrain, batch.size);
  const numBatches = Math.ceil(numTrain / batch.size);
  const isCutOff = limitBatches !== null && limitBatches < numBatches;
  return isCutOff ? batch.size : numTrain - (numBatches - 1) * batch.size;
}

/** Whether a shard has a single row of so many samples: shards differ by one at most. */
const hasSingleRow = (numSamples: number, numShards: number): boolean => numSamples < 2 * numShards;

/** Refuses phases in which the last batch of an epoch leaves a shard a single value of a channel: FT_CONFIG_CONFLICT. */
export function checkSingleValues(
  spec: Batches & Pick<RunSpec, 'model' | 'data' | 'phases' | 'workers'>,
  numTrain: number,
): void {
  const { model, batch } = spec;
  const numSamples = lastBatchSize(numTrain, spec);
  // That there are none at all is told elsewhere.
  if ('onnx' in model || numTrain === 0 || !hasSingleRow(numSamples, batch.shards)) return;
  const network = describeNetwork(torchvisionSpec(model.architecture, model.width, 1));
  const problems = spec.phases.flatMap((phase, index): Problem[] => {
    if (phase.batchNorm !== 'shard' || isHead(phase)) return [];
    const single = singleIn(network, spec, index);
    if (single === undefined) return [];
    const path = ['phases', index, 'batchNorm'];
    const { imageSize } = spec.data;
    return [
      conflict(
        path,
        `${path.join('.')} is "shard", the last batch of an epoch has ${numSamples} of ${numTrain} samples for ${batch.shards} shards, and of images of ${imageSize} x ${imageSize} pixels ${single.name} has 1 x 1.`,
        'A shard of one image has one value of a channel there, which has no variance.',
        remedyOf(spec, numTrain),
      ),
    ];
  });
  if (problems.length > 0) throw problemsError(problems, () => 'The configuration');
}

function singleIn(
  network: Network,
  { phases, data }: Pick<RunSpec, 'phases' | 'data'>,
  index: number,
): BatchNormLayer | undefined {
  const trained = resolveTrained(network, phases[index]!);
  const before = phases.slice(0, index).flatMap((phase) => resolveTrained(network, phase));
  const outputs = lossOutputs(network, new Set([...before, ...trained]));
  const shapes = inferShapes(network, data.imageSize, ...outputs);
  return singlePixelNorm(trainedBatchNorms(network, trained), shapes);
}

/** With the most shards, and the nearest size of a batch, that would do, where there are any. */
function remedyOf(spec: Batches & Pick<RunSpec, 'workers'>, numTrain: number): string {
  const { batch, workers } = spec;
  const isFit = (size: number, shards: number): boolean =>
    size % shards === 0 &&
    !hasSingleRow(lastBatchSize(numTrain, { ...spec, batch: { size, shards } }), shards);
  const fewer = Array.from({ length: batch.shards }, (_, i) => batch.shards - i).find(
    (shards) => shards >= workers.count && isFit(batch.size, shards),
  );
  const sizes = Array.from({ length: 2 * batch.size }, (_, i) => i + 1)
    .filter((size) => isFit(size, batch.shards))
    .sort((a, b) => Math.abs(a - batch.size) - Math.abs(b - batch.size));
  const settings = [
    ...(fewer === undefined ? [] : [`batch.shards to ${fewer}`]),
    ...(sizes[0] === undefined ? [] : [`batch.size to ${sizes[0]}`]),
    'batchNorm to frozen',
  ];
  return `Set ${settings.join(', or ')}; or raise data.imageSize.`;
}
