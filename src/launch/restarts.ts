/** Before the first restart in a row, the second, ...; after the last one there is none. */
const delaysMs = [0, 500, 1000, 2000, 4000] as const;

/** Who has been a member for so long was well: what ends it then is not what ended it before. */
const wellAfterMs = 10_000;

/** When to start another worker in the place of one that is gone: at once, later, or not again. */
export class Restarts {
  readonly #inARow = new Map<number, number>();
  readonly #memberSinceMs = new Map<number, number>();

  /** The worker of this slot is a member of a generation. */
  joined(nowMs: number, slot: number): void {
    if (!this.#memberSinceMs.has(slot)) this.#memberSinceMs.set(slot, nowMs);
  }

  /** The worker of this slot has ended. Milliseconds until its successor is to be started; undefined: it is not. */
  next(nowMs: number, slot: number): number | undefined {
    const sinceMs = this.#memberSinceMs.get(slot);
    this.#memberSinceMs.delete(slot);
    const wasWell = sinceMs !== undefined && nowMs - sinceMs >= wellAfterMs;
    const before = wasWell ? 0 : (this.#inARow.get(slot) ?? 0);
    this.#inARow.set(slot, before + 1);
    return delaysMs[before];
  }

  /** Restarts that `next` allows in a row. */
  static readonly max = delaysMs.length;
}
