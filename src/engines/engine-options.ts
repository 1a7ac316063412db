import type { HeadEngineOptions } from './head-engine.js';
import type { NetworkEngineOptions } from './network/open-network-engine.js';

/** What an engine is opened with; can be sent to a thread. */
export type PhaseEngineOptions =
  | ({ readonly kind: 'head' } & HeadEngineOptions)
  | ({ readonly kind: 'network' } & NetworkEngineOptions);
