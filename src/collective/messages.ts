import type { GenerationId } from '../rpc/generation.js';

/** Sum of the leaves below one tree node, see tree.ts. */
export interface Partial {
  readonly node: number;
  readonly values: Float32Array;
}

/**
 * What one member sends another in a round. `partial`: a tree node's sum, of the whole vector (one hop) or of the
 * receiver's segment of it (two hops, first). `segment`: a finished segment (two hops, second). A member without
 * shards sends `empty`, so that every member sends in every round.
 */
export interface PeerMessage {
  /** First 16 hex digits of SHA-256 of the run's id and manifest hash: refuses a stranger. */
  readonly run: string;
  readonly generation: GenerationId;
  readonly round: number;
  /** Rank of the sender in the generation. */
  readonly from: number;
  readonly kind: 'partial' | 'segment' | 'empty';
  /** Tree node; 0 for `segment` and `empty`. */
  readonly node: number;
  /** Number of messages of this kind that the sender sends this receiver in this round. */
  readonly count: number;
  /** Elements of the whole vector, and where `values` starts in it. */
  readonly vectorLength: number;
  readonly offset: number;
  readonly values: Float32Array;
}
