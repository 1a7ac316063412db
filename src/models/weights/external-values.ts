import { FormatError } from './format-error.js';
import type { MemoryBudget } from './memory-budget.js';

/** Bytes of a file beside the model, by the name that the model gives it. Throws FormatError. */
export type ExternalData = (location: string) => Uint8Array;

/** TensorProto.external_data: where in which file a tensor's values are. */
export interface ExternalPlace {
  readonly location?: string;
  readonly offset?: string;
  readonly length?: string;
}

/** The values of tensors that lie in files beside the model. */
export class ExternalValues {
  readonly #files: ExternalData | undefined;
  readonly #budget: MemoryBudget;
  readonly #counted = new Set<string>();

  /** Undefined `files`: none can be read. */
  constructor(files: ExternalData | undefined, budget: MemoryBudget) {
    this.#files = files;
    this.#budget = budget;
  }

  /** A view of a file: whoever copies it charges the budget. Throws FormatError. */
  bytesOf(name: string, { location, offset, length }: ExternalPlace): Uint8Array {
    if (location === undefined) throw new FormatError(`tensor ${name} has no values`);
    if (this.#files === undefined) {
      throw new FormatError(`the values of tensor ${name} are in another file, ${location}`);
    }
    const bytes = this.#files(location);
    if (!this.#counted.has(location)) {
      this.#counted.add(location);
      this.#budget.addFile(bytes.length);
    }
    const begin = Number(offset ?? 0);
    const count = Number(length ?? bytes.length - begin);
    if (!(begin >= 0 && count >= 0 && begin + count <= bytes.length)) {
      throw new FormatError(`tensor ${name} reaches beyond ${location}`);
    }
    return bytes.subarray(begin, begin + count);
  }

  /** Copies of what {@link bytesOf} gave. Throws FormatError where they are too many. */
  charge(numBytes: number): void {
    this.#budget.charge(numBytes, 'its external values');
  }
}
