import { drawMixup } from '../data/mixup-draws.js';
import type { ShardBatch } from '../engines/phase-engine.js';
import type { RowGroup } from './rows.js';
import type { RunParts } from './run-parts.js';
import type { RunPhase } from './run-phase.js';
import { targetsOf, type TargetRules } from './targets.js';

/** Where a global batch is in the run. */
export interface BatchPlace {
  readonly phase: RunPhase;
  readonly epoch: number;
  /** In its epoch. */
  readonly batch: number;
}

type Run = Pick<RunParts, 'spec' | 'plan' | 'numClasses' | 'labels' | 'ids'>;

/**
 * Groups as one engine batch of a fixed shape, each filled up to the plan's `rowsPerShard` with padding. `features_SBF` are what was asked
 * for with the groups (`requestOf`, rows.ts), padding with it; they are not copied.
 */
export function trainingBatch(
  groups: readonly RowGroup[],
  features_SBF: Float32Array,
  run: Run,
  { phase, epoch, batch }: BatchPlace,
): ShardBatch {
  const { seed } = run.spec;
  const step = epoch * run.plan.numTrainSteps + batch;
  const samples = paddedIds(groups, run);
  const { mixup, labelSmoothing } = phase.spec;
  const { rowsPerShard } = run.plan;
  const mix = mixup === 0 ? null : drawMixup(samples, rowsPerShard, { seed, step, alpha: mixup });
  const rules = { classWeights_K: phase.classWeights_K, labelSmoothing, mix };
  return {
    ...padded(groups, features_SBF, { run, rules }),
    mix,
    dropout: phase.dropsOut ? { seed, step, samples } : null,
  };
}

/** The same of an evaluation: the plain loss of plain rows. */
export function evaluationBatch(
  groups: readonly RowGroup[],
  features_SBF: Float32Array,
  run: Run,
): ShardBatch {
  const rules = { classWeights_K: null, labelSmoothing: 0, mix: null };
  return { ...padded(groups, features_SBF, { run, rules }), mix: null, dropout: null };
}

function padded(
  groups: readonly RowGroup[],
  features_SBF: Float32Array,
  { run, rules }: { readonly run: Run; readonly rules: TargetRules },
): Omit<ShardBatch, 'mix' | 'dropout'> {
  const { plan, numClasses, labels } = run;
  const { rowsPerShard } = plan;
  const numShards = groups.length;
  const labels_SB = new Int32Array(numShards * rowsPerShard).fill(-1);
  for (const [shard, { samples }] of groups.entries()) {
    const row = shard * rowsPerShard;
    for (const [i, sample] of samples.entries()) labels_SB[row + i] = labels[sample]!;
  }
  return {
    ...{ numShards, rowsPerShard, features_SBF, labels_SB },
    ...targetsOf({ rowsPerShard, numClasses, labels_SB }, rules),
    counts_S: Float32Array.from(groups, ({ samples }) => samples.length),
  };
}

/** The id of each row's sample; '' for padding. */
function paddedIds(groups: readonly RowGroup[], { plan, ids }: Run): string[] {
  return groups.flatMap(({ samples }) =>
    Array.from({ length: plan.rowsPerShard }, (_, i) =>
      i < samples.length ? ids[samples[i]!]! : '',
    ),
  );
}
