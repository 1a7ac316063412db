/**
 * Does asynchronous work one piece after the other, in the order in which it is asked for. What fails is its caller's to
 * handle; the next piece begins all the same.
 */
export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as `work` does, which begins when all earlier pieces have ended. */
  do<T>(work: () => T | Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
