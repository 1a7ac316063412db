import { compareGenerations } from '../rpc/generation.js';
import type { PeerMessage } from './messages.js';
import { type Frame, frameBytes, MAX_CHUNK_BYTES, valuesThatFit } from './wire.js';

/**
 * What one member has sent another in its last two rounds, and how far the stream has taken it. This is both the
 * queue and the memory of a broken stream: `restart` sends it all again. It is bounded, because nothing older can be
 * needed: who sends in round r has finished r - 1, for which it had a message of the receiver in r - 1, and that was
 * sent only after the receiver had finished r - 2.
 */
export class SendWindow {
  #messages: PeerMessage[] = [];
  /** The message to be taken next, and its first value that was not taken. */
  #next = 0;
  #start = 0;

  push(message: PeerMessage): void {
    const isNeeded = (sent: PeerMessage): boolean =>
      compareGenerations(sent.generation, message.generation) >= 0 &&
      sent.round >= message.round - 1;
    // A message that the stream has begun must be ended.
    const isOpen = (index: number): boolean => index === this.#next && this.#start > 0;
    if (!this.#messages.every(isNeeded)) {
      const kept: PeerMessage[] = [];
      let next = 0;
      this.#messages.forEach((sent, index) => {
        if (!isNeeded(sent) && !isOpen(index)) return;
        if (index < this.#next) next++;
        // Nobody needs its values, so that their array will be used for something else.
        kept.push(isNeeded(sent) ? sent : { ...sent, values: sent.values.slice() });
      });
      this.#messages = kept;
      this.#next = next;
    }
    this.#messages.push(message);
  }

  /** The next frames that fit in one chunk; empty when all was taken. */
  take(): Frame[] {
    const frames: Frame[] = [];
    let usedBytes = 0;
    for (;;) {
      const message = this.#messages[this.#next];
      if (message === undefined) break;
      const rest = message.values.length - this.#start;
      const fitting = valuesThatFit(usedBytes);
      // Small messages share a chunk; a large one is cut only at a chunk of its own.
      if (fitting < rest && (fitting < 0 || usedBytes > 0)) break;
      const frame = { message, start: this.#start, length: Math.min(rest, fitting) };
      frames.push(frame);
      usedBytes += frameBytes(frame);
      if (frame.length === rest) {
        this.#next++;
        this.#start = 0;
      } else {
        this.#start += frame.length;
      }
      if (usedBytes >= MAX_CHUNK_BYTES) break;
    }
    return frames;
  }

  /** Takes everything again, from the first message on. */
  restart(): void {
    this.#next = 0;
    this.#start = 0;
  }
}
