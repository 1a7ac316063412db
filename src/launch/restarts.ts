import type { RunEvent } from '../control/events.js';

/** When another worker is started in the place of one that is gone. */
export interface RestartLimits {
  /** Before the second start in a row; doubles with each. The first one is at once. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** A worker that was a member for so long, in a run that got on, has worked: the count of its slot starts anew. */
  readonly steadyMs: number;
  /** Starts of one slot, in a row, that did not bring the run one round further. */
  readonly most: number;
}

/** Starts of one slot since it last worked. */
interface Row {
  /** That the delay depends on. */
  readonly numStarts: number;
  /** Since the run got on: that the end depends on. */
  readonly numFutile: number;
  readonly lastEndMs: number;
}

/**
 * Decides when the worker of a slot is started again, and when no more. What ends a worker each time would end it again at
 * once, so the waits grow; but while others get on, the run is not given up for one that does not. Pure but for its memory of
 * the run's events.
 */
export class Restarts {
  readonly #limits: RestartLimits;
  readonly #rows = new Map<number, Row>();
  /** Since when the worker of a slot is a member. */
  readonly #memberSinceMs = new Map<number, number>();
  #furthest = { round: -1, epoch: -1 };
  #gotOnMs = Number.NEGATIVE_INFINITY;

  constructor(limits: RestartLimits) {
    this.#limits = limits;
  }

  onEvent(nowMs: number, event: RunEvent): void {
    if (event.type === 'generation') {
      const slots = new Set(event.members.map(({ slot }) => slot));
      for (const slot of this.#memberSinceMs.keys()) {
        if (!slots.has(slot)) this.#memberSinceMs.delete(slot);
      }
      for (const slot of slots) {
        if (!this.#memberSinceMs.has(slot)) this.#memberSinceMs.set(slot, nowMs);
      }
    }
    const { round, epoch } = this.#furthest;
    if (event.type === 'step' && event.round > round) {
      this.#furthest = { round: event.round, epoch };
      this.#gotOnMs = nowMs;
    }
    if (event.type === 'epoch' && event.epoch > epoch) {
      this.#furthest = { round, epoch: event.epoch };
      this.#gotOnMs = nowMs;
    }
  }

  /** The worker of this slot has ended: milliseconds until another is started; null: no more. */
  afterEnd(nowMs: number, slot: number): number | null {
    const { firstDelayMs, longestDelayMs, steadyMs, most } = this.#limits;
    const sinceMs = this.#memberSinceMs.get(slot);
    this.#memberSinceMs.delete(slot);
    const hasWorked =
      sinceMs !== undefined && nowMs - sinceMs >= steadyMs && this.#gotOnMs > sinceMs;
    const row = hasWorked ? undefined : this.#rows.get(slot);
    const numStarts = row?.numStarts ?? 0;
    const numFutile = row === undefined || this.#gotOnMs > row.lastEndMs ? 0 : row.numFutile;
    if (numFutile >= most) return null;
    this.#rows.set(slot, {
      ...{ numStarts: numStarts + 1, numFutile: numFutile + 1, lastEndMs: nowMs },
    });
    if (numStarts === 0) return 0;
    return Math.min(longestDelayMs, firstDelayMs * 2 ** (numStarts - 1));
  }
}
