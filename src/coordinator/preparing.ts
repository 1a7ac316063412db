import type { RunEventBody } from '../control/events.js';
import type { Clock } from '../util/clock.js';

/** Progress is told at most this often, and always at the beginning and the end of a piece of work. */
const everyMs = 100;
/** What takes long without any progress to tell (a download, one huge file) is told again: whoever waits sees life. */
const repeatMs = 5000;

export type Progress = Omit<Extract<RunEventBody, { type: 'preparing' }>, 'type'>;

/** Turns the progress of preparing into events, neither too many nor none. */
export class PreparingEvents {
  readonly #emit: (event: RunEventBody) => void;
  readonly #clock: Clock;
  #last: Progress | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => undefined;

  constructor(emit: (event: RunEventBody) => void, clock: Clock) {
    this.#emit = emit;
    this.#clock = clock;
    this.#repeatLater();
  }

  report(progress: Progress): void {
    const isEnd = progress.total > 0 && progress.done >= progress.total;
    const isNew = progress.message !== this.#last?.message;
    this.#last = progress;
    if (isEnd || isNew || this.#clock.nowMs() - this.#toldMs >= everyMs) this.#tell(progress);
  }

  /** Nothing is being prepared any more. */
  end(): void {
    this.#cancel();
  }

  #tell(progress: Progress): void {
    this.#toldMs = this.#clock.nowMs();
    this.#emit({ type: 'preparing', ...progress });
  }

  #repeatLater(): void {
    this.#cancel = this.#clock.setTimer(repeatMs, () => {
      this.#repeatLater();
      const isDue = this.#clock.nowMs() - this.#toldMs >= repeatMs;
      if (this.#last !== undefined && isDue) this.#tell(this.#last);
    });
  }
}
