import type { GradientEngine, ShardBatch } from './gradient-engine.js';
import { openHeadSession, type HeadSessionOptions } from './head-session.js';
import { openThreadedHeadEngine } from './threaded-head-engine.js';

/**
 * A run of the graph blocks the thread that it is in. Up to this many floating-point operations it is done in the calling thread: 2
 * million, 8 shards of 2 rows of 1792 features and 16 classes, take 0.3 ms, and the way to a thread and back costs about as much.
 */
const maxInlineFlops = 2e6;

/** Whether a run blocks its thread so briefly that it may be the calling one. */
export function runsInline(
  batch: Pick<ShardBatch, 'numShards' | 'rowsPerShard'>,
  head: { readonly numFeatures: number; readonly numClasses: number },
  withGradient: boolean,
): boolean {
  return headFlops(batch, head, withGradient) <= maxInlineFlops;
}

/**
 * Operations of a run: a multiplication and an addition for each weight and row (of a convolution: for each of its pixels, which
 * features count too), forward and again for the gradient.
 */
function headFlops(
  batch: Pick<ShardBatch, 'numShards' | 'rowsPerShard'>,
  head: { readonly numFeatures: number; readonly numClasses: number },
  withGradient: boolean,
): number {
  const rows = batch.numShards * batch.rowsPerShard;
  return (withGradient ? 4 : 2) * rows * head.numFeatures * head.numClasses;
}

/**
 * Opens the head's gradient engine on onnxruntime. Small runs are done inline, larger ones in a worker thread, which is started
 * when the first one comes; the bits are the same, since both run the same graph. Rejects with FT_ENGINE_UNAVAILABLE.
 */
export async function openGradientEngine(options: HeadSessionOptions): Promise<GradientEngine> {
  const inline = await openHeadSession(options);
  let threaded: Promise<GradientEngine> | undefined;
  const engineFor = (batch: ShardBatch, withGradient: boolean): Promise<GradientEngine> => {
    if (runsInline(batch, options.head, withGradient)) return Promise.resolve(inline);
    threaded ??= openThreadedHeadEngine(options);
    return threaded;
  };
  return {
    async gradients(batch, parameters_P) {
      return (await engineFor(batch, true)).gradients(batch, parameters_P);
    },
    async evaluate(batch, parameters_P) {
      return (await engineFor(batch, false)).evaluate(batch, parameters_P);
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
