import type { Generation } from '../rpc/generation.js';
import type { PeerMessage } from './messages.js';
import type { VectorPool } from './vector-pool.js';

/**
 * Port: streams between the members of a generation, persistent, one per pair and direction, opened by the
 * receiver. Messages of one pair arrive in order, whole, or the pair is reported lost. After a broken stream was
 * opened again, the sender's messages of its last two rounds arrive once more: receivers count a repetition once.
 */
export interface PeerTransport {
  /** Where the values of received messages come from. Whoever gives them back sees to it that nobody reads them any more. */
  readonly pool: VectorPool;
  /** Opens a stream from every other member; resolves when all are open. `self` is the own incarnation. */
  open(generation: Generation, self: string, signal: AbortSignal): Promise<void>;
  /**
   * Queues a message for a member of the open generation; never blocks, never throws. The values are read until two
   * rounds later: they must not change. Sending under a generation gives up the streams that only older ones need.
   */
  send(toRank: number, message: PeerMessage): void;
  /** Sets the one receiver of messages. */
  onMessage(handler: (message: PeerMessage) => void): void;
  /** Sets the one receiver of losses: the incarnation whose stream broke for good, and why. */
  onLost(handler: (incarnation: string, cause: string) => void): void;
  /** Bytes handed to the network since the start. */
  bytesSent(): number;
  /** Bytes of the values that came from other members since the start. */
  bytesReceived(): number;
  close(): Promise<void>;
}
