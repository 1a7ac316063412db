import type { PhaseEngineOptions } from './engine-options.js';
import { openHeadEngine } from './head-engine.js';
import type { PhaseEngine } from './phase-engine.js';

/** Opens an engine in the calling thread, which its calls block. */
export function openEngineHere(options: PhaseEngineOptions): Promise<PhaseEngine> {
  return openHeadEngine(options);
}
