import type { PhaseSpec } from '../config/run-spec.js';
import type { Microbatch, Plan } from '../data/plan.js';
import { plainView } from '../data/preprocessing.js';
import { type FeatureRequest, paddingSample } from '../features/feature-source.js';
import type { RoundPlan, ShardRange } from './trainer.js';

type EvaluatePlan = Extract<RoundPlan, { kind: 'evaluate' }>;

/** Rows of one shard in one engine run: a microbatch, or a chunk of an evaluation. At most rowsPerShard of them. */
export type RowGroup = Microbatch;

/** Part of one shard's evaluation, the size of a microbatch. */
export interface Chunk extends RowGroup {
  /** Position among the owned shards. */
  readonly owned: number;
}

/** Chunks, rows and features of one engine run of an evaluation: enough to amortise the run, few enough to prefetch. */
const maxChunksPerRun = 64;
const maxRowsPerRun = 512;
const maxBytesPerRun = 32 * 2 ** 20;

interface BatchOfEpoch {
  readonly epoch: number;
  readonly batch: number;
  readonly sampling: PhaseSpec['sampling'];
}

/** The microbatches of a global batch, one per owned shard, ascending; an empty one where a shard has no samples left. */
export function microbatches(
  plan: Plan,
  { epoch, batch, sampling }: BatchOfEpoch,
  shards: ShardRange,
): RowGroup[] {
  return shardNumbers(shards).map((shard) => plan.trainMicrobatch(epoch, batch, shard, sampling));
}

/**
 * An evaluation's engine runs. A shard is cut in chunks of `rowsPerShard` samples of its own, so its chunks, and the
 * order in which they are added up, are the same whoever owns it and however they are grouped in runs. `numFeatures`: of a row.
 */
export function evaluationRuns(
  plan: Plan,
  { split }: EvaluatePlan,
  shards: ShardRange,
  numFeatures: number,
): Chunk[][] {
  const chunks = shardNumbers(shards).flatMap((shard, owned) =>
    chunksOf(plan.evaluationSamples(split, shard), plan.rowsPerShard).map((samples) => ({
      owned,
      samples,
      views: new Int32Array(samples.length).fill(plainView),
    })),
  );
  const perRun = chunksPerRun(plan.rowsPerShard, numFeatures);
  return Array.from({ length: Math.ceil(chunks.length / perRun) }, (_, run) =>
    chunks.slice(run * perRun, (run + 1) * perRun),
  );
}

/** The features of the groups' rows in row order, each group filled up to `rowsPerShard` with padding: those of a batch as it is. */
export function requestOf(groups: readonly RowGroup[], rowsPerShard: number): FeatureRequest {
  const numRows = groups.length * rowsPerShard;
  const samples = new Int32Array(numRows).fill(paddingSample);
  const views = new Int32Array(numRows).fill(plainView);
  for (const [group, rows] of groups.entries()) {
    samples.set(rows.samples, group * rowsPerShard);
    views.set(rows.views, group * rowsPerShard);
  }
  return { samples, views };
}

/**
 * What bytes allow is cut to a power of two: an engine computes so many chunks at once (engines/network/shards-per-run.ts), and fills a
 * smaller number up.
 */
function chunksPerRun(rowsPerShard: number, numFeatures: number): number {
  const chunkBytes = rowsPerShard * numFeatures * Float32Array.BYTES_PER_ELEMENT;
  const byBytes = 2 ** Math.floor(Math.log2(Math.max(1, maxBytesPerRun / chunkBytes)));
  const byRows = Math.max(1, Math.floor(maxRowsPerRun / rowsPerShard));
  return Math.min(maxChunksPerRun, byRows, byBytes);
}

function shardNumbers({ firstShard, numShards }: ShardRange): number[] {
  return Array.from({ length: numShards }, (_, i) => firstShard + i);
}

function chunksOf(samples: Int32Array, size: number): Int32Array[] {
  return Array.from({ length: Math.ceil(samples.length / size) }, (_, chunk) =>
    samples.subarray(chunk * size, (chunk + 1) * size),
  );
}
