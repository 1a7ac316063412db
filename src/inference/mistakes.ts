/** An image that was taken for another class. */
export interface Mistake {
  /** As the data names it. */
  readonly path: string;
  readonly said: string;
  readonly is: string;
  /** Of the class that was said. */
  readonly probability: number;
  /** Of the class that it is. */
  readonly probabilityOfIs: number;
}

/** Keeps the mistakes that the model was surest of. */
export class WorstMistakes {
  readonly #limit: number;
  #kept: Mistake[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(mistake: Mistake): void {
    this.#kept.push(mistake);
    // Sorting now and then keeps memory bounded at little cost.
    if (this.#kept.length >= 2 * this.#limit + 1000) this.#kept = this.list();
  }

  /** The surest first; of equally sure ones the first by path. */
  list(): Mistake[] {
    return [...this.#kept]
      .sort((a, b) => b.probability - a.probability || (a.path < b.path ? -1 : 1))
      .slice(0, this.#limit);
  }
}
