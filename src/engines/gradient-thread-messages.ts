import type { FtctlErrorJson } from '../errors/index.js';
import type { ShardBatch, ShardGradients, ShardSums } from './gradient-engine.js';
import type { HeadSessionOptions } from './head-session.js';

/** What the thread is started with. */
export type GradientThreadData = HeadSessionOptions;

/** To the thread: a request, or `close`: do nothing more, release the sessions and end. */
export type GradientThreadInput = GradientRequest | { readonly kind: 'close' };

/** The arrays are copied, as the caller keeps them. */
export interface GradientRequest {
  readonly id: number;
  readonly kind: 'gradients' | 'evaluate';
  readonly batch: ShardBatch;
  readonly parameters_P: Float32Array;
}

/** From the thread: `ready` once, then one reply per request, in order. Results are transferred, not copied. */
export type GradientReply =
  | { readonly type: 'ready' }
  | { readonly type: 'unavailable'; readonly error: FtctlErrorJson }
  | { readonly type: 'result'; readonly id: number; readonly result: ShardGradients | ShardSums }
  | { readonly type: 'error'; readonly id: number; readonly error: FtctlErrorJson };
