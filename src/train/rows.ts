import type { Plan } from '../data/plan.js';
import { plainView } from '../data/preprocessing.js';
import type { FeatureRequest } from '../features/feature-source.js';
import { requestOf, type RowGroup } from './batch.js';
import type { RoundPlan, ShardRange } from './trainer.js';

type StepPlan = Extract<RoundPlan, { kind: 'step' }>;
type EvaluatePlan = Extract<RoundPlan, { kind: 'evaluate' }>;

/** Part of one shard's evaluation, the size of a microbatch. */
export interface Chunk extends RowGroup {
  /** Position among the owned shards. */
  readonly owned: number;
}

/** Chunks, and rows, of one engine run of an evaluation: enough to amortise the run, few enough to prefetch. */
const maxChunksPerRun = 64;
const maxRowsPerRun = 512;

/** The microbatches of a step, one per owned shard, ascending; an empty one where a shard has no samples left. */
export function microbatches(
  plan: Plan,
  { epoch, step }: StepPlan,
  shards: ShardRange,
): RowGroup[] {
  return shardNumbers(shards).map((shard) => plan.trainMicrobatch(epoch, step, shard));
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

/** The feature requests of a round, in the order in which computing it uses them. */
export function featureRequests(
  plan: Plan,
  round: RoundPlan,
  shards: ShardRange,
): FeatureRequest[] {
  switch (round.kind) {
    case 'step':
      return [requestOf(microbatches(plan, round, shards))];
    case 'evaluate':
      return evaluationRuns(plan, round, shards).map(requestOf);
    case 'phase':
      return [];
  }
}

function shardNumbers({ firstShard, numShards }: ShardRange): number[] {
  return Array.from({ length: numShards }, (_, i) => firstShard + i);
}

function chunksOf(samples: Int32Array, size: number): Int32Array[] {
  return Array.from({ length: Math.ceil(samples.length / size) }, (_, chunk) =>
    samples.subarray(chunk * size, (chunk + 1) * size),
  );
}
