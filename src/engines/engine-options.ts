import type { HeadEngineOptions } from './head-engine.js';

/** What an engine is opened with; can be sent to a thread. */
export type PhaseEngineOptions = { readonly kind: 'head' } & HeadEngineOptions;
