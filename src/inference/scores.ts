/** How one class came out. Rates are null where there is nothing to divide by. */
export interface ClassScore {
  readonly label: string;
  /** Images of this class (support). */
  readonly samples: number;
  /** Images that were said to be of this class. */
  readonly predicted: number;
  readonly correct: number;
  /** correct / predicted: null where no image was said to be of this class. */
  readonly precision: number | null;
  /** correct / samples: null where the data has no image of this class. */
  readonly recall: number | null;
  /** 2 correct / (samples + predicted), the harmonic mean of both; null where there is neither. */
  readonly f1: number | null;
}

export interface Scores {
  readonly samples: number;
  /** Fraction of samples whose likeliest class is theirs. */
  readonly accuracy: number;
  /** Mean F1 of the classes that an image has or was said to have: scikit-learn's f1_score(average='macro', zero_division=0). */
  readonly macroF1: number;
  /** In the model's order, also of classes that the data has no image of. */
  readonly perClass: readonly ClassScore[];
  /** `confusion[is][said]`: number of images. */
  readonly confusion: readonly (readonly number[])[];
}

/** Counts answers: rows are what images are, columns what was said. */
export class Confusion {
  readonly #counts: number[][];

  constructor(numClasses: number) {
    this.#counts = Array.from({ length: numClasses }, () => new Array<number>(numClasses).fill(0));
  }

  add(is: number, said: number): void {
    this.#counts[is]![said]! += 1;
  }

  /** At least one image must have been added. */
  scores(classNames: readonly string[]): Scores {
    const counts = this.#counts;
    const perClass = classNames.map((label, k) => classScore(label, k, counts));
    const samples = sum(perClass.map((score) => score.samples));
    const f1s = perClass.flatMap(({ f1 }) => (f1 === null ? [] : [f1]));
    return {
      samples,
      accuracy: sum(perClass.map(({ correct }) => correct)) / samples,
      macroF1: sum(f1s) / f1s.length,
      perClass,
      confusion: counts,
    };
  }
}

function classScore(label: string, k: number, counts: readonly (readonly number[])[]): ClassScore {
  const samples = sum(counts[k]!);
  const predicted = sum(counts.map((row) => row[k]!));
  const correct = counts[k]![k]!;
  return {
    ...{ label, samples, predicted, correct },
    precision: ratio(correct, predicted),
    recall: ratio(correct, samples),
    f1: ratio(2 * correct, samples + predicted),
  };
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
