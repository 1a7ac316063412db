import type { VectorPool } from '../collective/vector-pool.js';
import type { PhaseEngineOptions } from './engine-options.js';
import { openHeadEngine } from './head-engine.js';
import { inlineOrThreaded } from './inline-or-threaded.js';
import type { PhaseEngine } from './phase-engine.js';
import { openThreadedEngine } from './threaded-engine.js';

/**
 * Opens a phase's engine on onnxruntime. A classifier's small runs are done inline, larger ones in a worker thread, which is
 * started when the first one comes; the bits are the same, since both run the same graph. A network's runs are all done in a worker
 * thread. `pool`: where arrays of the gradients' length are taken from, if it has any. Rejects with FT_ENGINE_UNAVAILABLE; for a network with FT_BLOB_* or FT_WEIGHTS_DAMAGED.
 */
export async function openPhaseEngine(
  options: PhaseEngineOptions,
  pool?: VectorPool,
): Promise<PhaseEngine> {
  if (options.kind === 'network') return openThreadedEngine(options, pool);
  const inline = await openHeadEngine(options);
  return inlineOrThreaded(options.head, inline, () => openThreadedEngine(options, pool));
}
