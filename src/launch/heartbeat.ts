import type { Clock } from '../util/clock.js';

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** A process that has not answered for so long is taken for hung. */
  readonly limitMs: number;
  readonly ping: () => void;
  /** Called once. */
  readonly onSilent: (silentForMs: number) => void;
}

/**
 * Asks one process again and again whether its event loop turns. It counts only from the first answer on: a process that
 * is still loading says nothing yet. If our own timer comes late by half the limit, it was this process that slept
 * (a closed laptop), and the deadline starts anew.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #startedMs: number;
  #answeredMs: number | undefined;
  #cancel: () => void = () => undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#startedMs = options.clock.nowMs();
    this.#arm();
  }

  answered(): void {
    this.#answeredMs = this.#options.clock.nowMs();
  }

  /** Since its last answer; since the start where it has not answered yet. */
  silentForMs(): number {
    return this.#options.clock.nowMs() - (this.#answeredMs ?? this.#startedMs);
  }

  stop(): void {
    this.#cancel();
  }

  #arm(): void {
    const { clock, intervalMs } = this.#options;
    const dueMs = clock.nowMs() + intervalMs;
    this.#cancel = clock.setTimer(intervalMs, () => {
      this.#tick(clock.nowMs(), dueMs);
    });
  }

  #tick(nowMs: number, dueMs: number): void {
    const { limitMs, ping, onSilent } = this.#options;
    const hasSlept = nowMs - dueMs >= limitMs / 2;
    if (hasSlept && this.#answeredMs !== undefined) this.#answeredMs = nowMs;
    if (this.#answeredMs !== undefined && nowMs - this.#answeredMs >= limitMs) {
      onSilent(limitMs);
      return;
    }
    ping();
    this.#arm();
  }
}
