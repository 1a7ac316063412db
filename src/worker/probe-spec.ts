import type { RunSpec } from '../config/run-spec.js';

/** Batches of an epoch of a probe. */
const numBatches = 3;

/**
 * The run of a probe: two short epochs of one of a run's phases. In the first one everything is loaded and compiled; the second one is
 * measured. Both have the same views, so that in the second one all features are in the cache. Pure.
 */
export function probeSpec(spec: RunSpec, phase: number): RunSpec {
  const { training, data } = spec;
  const probed = spec.phases[phase]!;
  return {
    ...spec,
    data: { ...data, views: 1 },
    phases: [
      {
        ...probed,
        ...{ epochs: 2, from: 'last', earlyStopping: null },
        schedule: { type: 'constant', warmup: null },
        // Of two batches each update takes as much beside them as of many.
        accumulate: Math.min(probed.accumulate, 2),
      },
    ],
    training: {
      ...training,
      limitBatches: Math.min(numBatches, training.limitBatches ?? numBatches),
    },
  };
}
