import type { RunSpec } from '../config/run-spec.js';
import type { Manifest } from '../data/manifest.js';
import { makePlan, type Plan } from '../data/plan.js';

/** The plan of a run; the same wherever it is made. */
export function planOf(spec: RunSpec, manifest: Manifest): Plan {
  return makePlan({
    manifest,
    numShards: spec.batch.shards,
    batchSize: spec.batch.size,
    seed: spec.seed,
    views: spec.data.views,
    limitBatches: spec.training.limitBatches,
    overfitBatch: spec.training.overfitBatch,
  });
}
