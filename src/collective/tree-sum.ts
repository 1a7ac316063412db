import type { Partial } from './messages.js';
import { addNodes, shardsBelow } from './tree.js';

/**
 * The fixed tree's sums over a contiguous range of shards, added up while their vectors come: of a whole tree's n vectors
 * at most log2(n) + 2 are there at once, of any range's twice as many. The bits are those of `sumOwned` (tree.ts).
 */
export class TreeSum {
  readonly #numShards: number;
  /** What waits for its right neighbour, ascending in shards. */
  readonly #stack: { node: number; values: Float32Array }[] = [];
  #spare: Float32Array[] = [];

  /** `numShards`: of the run. */
  constructor(numShards: number) {
    this.#numShards = numShards;
  }

  /**
   * Adds the sum of a subtree's shards, which are those right after the ones before. The array is taken over. Throws a RangeError on
   * vectors of unequal lengths.
   */
  add(node: number, values: Float32Array): void {
    const sum = { node, values };
    for (;;) {
      const left = this.#stack.at(-1);
      if (sum.node % 2 === 1 && left?.node === sum.node - 1) {
        if (left.values.length !== sum.values.length) {
          throw new RangeError(
            `Sums of ${left.values.length} and ${sum.values.length} elements meet at node ${left.node / 2}.`,
          );
        }
        this.#stack.pop();
        addNodes(left.values, left.values, sum.values);
        this.#spare.push(sum.values);
        sum.values = left.values;
      } else if (sum.node === 1 || sum.node % 2 === 1 || !this.#isLast(sum.node)) {
        this.#stack.push(sum);
        return;
      }
      sum.node = Math.floor(sum.node / 2);
    }
  }

  /** An array of which nothing is needed any more, with old values in it; undefined: there is none. */
  takeSpare(): Float32Array | undefined {
    return this.#spare.pop();
  }

  /** One partial for each maximal subtree of the shards that were added, ascending. */
  partials(): Partial[] {
    return this.#stack.slice();
  }

  /** Whether a left child's neighbour has no shards, so that the parent is the child. */
  #isLast(node: number): boolean {
    const { first, end } = shardsBelow(node + 1, this.#numShards);
    return first >= end;
  }
}
