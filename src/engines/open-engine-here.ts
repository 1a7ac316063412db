import { VectorPool } from '../collective/vector-pool.js';
import type { PhaseEngineOptions } from './engine-options.js';
import { openHeadEngine } from './head-engine.js';
import type { EngineSurroundings } from './network/network-engine.js';
import { openNetworkEngine } from './network/open-network-engine.js';
import type { PhaseEngine } from './phase-engine.js';

/** Opens an engine in the calling thread, which its calls block. */
export function openEngineHere(
  options: PhaseEngineOptions,
  surroundings: EngineSurroundings = { isGivenUp: () => false, pool: new VectorPool() },
): Promise<PhaseEngine> {
  return options.kind === 'head'
    ? openHeadEngine(options)
    : openNetworkEngine(options, surroundings);
}
