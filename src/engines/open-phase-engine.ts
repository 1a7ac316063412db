import type { VectorPool } from '../collective/vector-pool.js';
import type { PhaseEngineOptions } from './engine-options.js';
import { openHeadEngine } from './head-engine.js';
import type { PhaseEngine, ShardBatch } from './phase-engine.js';
import { openThreadedEngine } from './threaded-engine.js';

/**
 * A run of the graph blocks the thread that it is in. Up to this many floating-point operations it is done in the calling thread: 2
 * million, 8 shards of 2 rows of 1792 features and 16 classes, take 0.3 ms, and the way to a thread and back costs about as much.
 */
const maxInlineFlops = 2e6;

/** Whether a run of the classifier's graph blocks its thread so briefly that it may be the calling one. */
export function fitsInline(
  batch: Pick<ShardBatch, 'numShards' | 'rowsPerShard'>,
  head: { readonly numFeatures: number; readonly numClasses: number },
  pass: 'gradient' | 'evaluation',
): boolean {
  return headFlops(batch, head, pass) <= maxInlineFlops;
}

/**
 * Operations of a run: a multiplication and an addition for each weight and row (of a convolution: for each of its pixels, which
 * features count too), forward and again for the gradient.
 */
function headFlops(
  batch: Pick<ShardBatch, 'numShards' | 'rowsPerShard'>,
  head: { readonly numFeatures: number; readonly numClasses: number },
  pass: 'gradient' | 'evaluation',
): number {
  const rows = batch.numShards * batch.rowsPerShard;
  return (pass === 'gradient' ? 4 : 2) * rows * head.numFeatures * head.numClasses;
}

/**
 * Opens a phase's engine on onnxruntime. A classifier's small runs are done inline, larger ones in a worker thread, which is
 * started when the first one comes; the bits are the same, since both run the same graph. A network's runs are all done in a worker
 * thread. `pool`: where arrays of the gradients' length are taken from, if it has any. Rejects with FT_ENGINE_UNAVAILABLE; for a network with FT_BLOB_* or FT_WEIGHTS_DAMAGED.
 */
export function openPhaseEngine(
  options: PhaseEngineOptions,
  pool?: VectorPool,
): Promise<PhaseEngine> {
  return options.kind === 'head'
    ? openHeadSomewhere(options, pool)
    : openThreadedEngine(options, pool);
}

async function openHeadSomewhere(
  options: Extract<PhaseEngineOptions, { readonly kind: 'head' }>,
  pool?: VectorPool,
): Promise<PhaseEngine> {
  const inline = await openHeadEngine(options);
  let threaded: Promise<PhaseEngine> | undefined;
  const engineFor = (batch: ShardBatch, pass: 'gradient' | 'evaluation'): Promise<PhaseEngine> => {
    if (fitsInline(batch, options.head, pass)) return Promise.resolve(inline);
    threaded ??= openThreadedEngine(options, pool);
    return threaded;
  };
  return {
    async gradients(batches, place, tensors) {
      // Each batch is a run: between two of them the thread is free.
      return (await engineFor(batches[0]!, 'gradient')).gradients(batches, place, tensors);
    },
    async evaluate(batch, tensors) {
      return (await engineFor(batch, 'evaluation')).evaluate(batch, tensors);
    },
    async close() {
      await inline.close();
      // A thread that could not be started has nothing to close.
      await threaded?.then(
        (engine) => engine.close(),
        () => undefined,
      );
    },
  };
}
