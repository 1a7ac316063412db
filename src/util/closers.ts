/**
 * What has been opened, and how it is closed. Add each thing as soon as it is open; then it is closed whatever goes wrong
 * after it.
 */
export class Closers {
  readonly #closers: (() => unknown)[] = [];
  readonly #late: Promise<void>[] = [];
  #isClosed = false;

  /** Where all else is closed already, this is closed at once: it was still being opened then. */
  add(close: () => unknown): void {
    if (this.#isClosed) this.#late.push(closed(close));
    else this.#closers.push(close);
  }

  /** Closes everything, last first, one after the other. Never rejects: what cannot be closed goes with the process. */
  async closeAll(): Promise<void> {
    this.#isClosed = true;
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      await closed(close);
    }
    await Promise.all(this.#late);
  }
}

async function closed(close: () => unknown): Promise<void> {
  try {
    await close();
  } catch {
    // The others are closed nevertheless.
  }
}
