import type { PhaseEngineOptions } from './engine-options.js';
import { openHeadEngine } from './head-engine.js';
import { openNetworkEngine } from './network/open-network-engine.js';
import type { PhaseEngine } from './phase-engine.js';

/**
 * Opens an engine in the calling thread, which its calls block. `isGivenUp` is asked between the runs of a call: whether nobody
 * waits for its result any more.
 */
export function openEngineHere(
  options: PhaseEngineOptions,
  isGivenUp: () => boolean = () => false,
): Promise<PhaseEngine> {
  return options.kind === 'head' ? openHeadEngine(options) : openNetworkEngine(options, isGivenUp);
}
