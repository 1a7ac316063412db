import { FtctlError } from '../errors/index.js';
import type { PhaseEngine, ShardBatch } from './phase-engine.js';

/** What the work of a run is counted from. */
interface HeadSizes {
  readonly numFeatures: number;
  readonly numClasses: number;
}

type Pass = 'gradient' | 'evaluation';

/**
 * A run of the graph blocks the thread that it is in. Up to this many floating-point operations it is done in the calling thread: 2
 * million, 8 shards of 2 rows of 1792 features and 16 classes, take 0.3 ms, and the way to a thread and back costs about as much.
 */
const maxInlineFlops = 2e6;

/** Whether a run of the classifier's graph blocks its thread so briefly that it may be the calling one. */
export function fitsInline(
  batch: Pick<ShardBatch, 'numShards' | 'rowsPerShard'>,
  head: HeadSizes,
  pass: Pass,
): boolean {
  return headFlops(batch, head, pass) <= maxInlineFlops;
}

/**
 * A classifier's engine of two: small runs are `inline`'s, larger ones those of a thread, which is opened when the first one comes, and again
 * after an opening that failed. Closing it closes both; a large run after that rejects with FT_ENGINE_FAILED.
 */
export function inlineOrThreaded(
  head: HeadSizes,
  inline: PhaseEngine,
  openThreaded: () => Promise<PhaseEngine>,
): PhaseEngine {
  let threaded: Promise<PhaseEngine> | undefined;
  let isClosed = false;
  const openOnce = (): Promise<PhaseEngine> => {
    if (threaded !== undefined) return threaded;
    const opening = openThreaded();
    threaded = opening;
    opening.catch(() => {
      threaded = undefined;
    });
    return opening;
  };
  const engineFor = async (batch: ShardBatch, pass: Pass): Promise<PhaseEngine> => {
    if (fitsInline(batch, head, pass)) return inline;
    if (isClosed) {
      throw new FtctlError('FT_ENGINE_FAILED', {
        what: 'Gradients were asked for too late.',
        why: 'The engine was closed.',
      });
    }
    return openOnce();
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
      isClosed = true;
      try {
        await inline.close();
      } finally {
        // A thread that could not be started has nothing to close.
        await threaded?.then(
          (engine) => engine.close(),
          () => undefined,
        );
      }
    },
  };
}

/**
 * Operations of a run: a multiplication and an addition for each weight and row (of a convolution: for each of its pixels, which
 * features count too), forward and again for the gradient.
 */
function headFlops(
  batch: Pick<ShardBatch, 'numShards' | 'rowsPerShard'>,
  head: HeadSizes,
  pass: Pass,
): number {
  const rows = batch.numShards * batch.rowsPerShard;
  return (pass === 'gradient' ? 4 : 2) * rows * head.numFeatures * head.numClasses;
}
