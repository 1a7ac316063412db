import type { PhaseSpec } from '../config/run-spec.js';
import type { Microbatch, Plan } from '../data/plan.js';
import { plainView } from '../data/preprocessing.js';
import type { FeatureRequest } from '../features/feature-source.js';
import type { RoundPlan, ShardRange } from './trainer.js';

type EvaluatePlan = Extract<RoundPlan, { kind: 'evaluate' }>;

/** Rows of one shard in one engine run: a microbatch, or a chunk of an evaluation. At most rowsPerShard of them. */
export type RowGroup = Microbatch;

/** Part of one shard's evaluation, the size of a microbatch. */
export interface Chunk extends RowGroup {
  /** Position among the owned shards. */
  readonly owned: number;
}

/** Chunks, and rows, of one engine run of an evaluation: enough to amortise the run, few enough to prefetch. */
const maxChunksPerRun = 64;
const maxRowsPerRun = 512;

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
 * order in which they are added up, are the same whoever owns it and however they are grouped in runs.
 */
export function evaluationRuns(plan: Plan, { split }: EvaluatePlan, shards: ShardRange): Chunk[][] {
  const chunks = shardNumbers(shards).flatMap((shard, owned) =>
    chunksOf(plan.evaluationSamples(split, shard), plan.rowsPerShard).map((samples) => ({
      owned,
      samples,
      views: new Int32Array(samples.length).fill(plainView),
    })),
  );
  const byRows = Math.max(1, Math.floor(maxRowsPerRun / plan.rowsPerShard));
  const perRun = Math.min(maxChunksPerRun, byRows);
  return Array.from({ length: Math.ceil(chunks.length / perRun) }, (_, run) =>
    chunks.slice(run * perRun, (run + 1) * perRun),
  );
}

/** The features that the groups' rows need, in row order. */
export function requestOf(groups: readonly RowGroup[]): FeatureRequest {
  const numRows = groups.reduce((sum, group) => sum + group.samples.length, 0);
  const samples = new Int32Array(numRows);
  const views = new Int32Array(numRows);
  let at = 0;
  for (const group of groups) {
    samples.set(group.samples, at);
    views.set(group.views, at);
    at += group.samples.length;
  }
  return { samples, views };
}

function shardNumbers({ firstShard, numShards }: ShardRange): number[] {
  return Array.from({ length: numShards }, (_, i) => firstShard + i);
}

function chunksOf(samples: Int32Array, size: number): Int32Array[] {
  return Array.from({ length: Math.ceil(samples.length / size) }, (_, chunk) =>
    samples.subarray(chunk * size, (chunk + 1) * size),
  );
}
