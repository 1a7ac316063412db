import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WorstMistakes } from '../../../src/inference/mistakes.js';
import { Confusion, type Scores } from '../../../src/inference/scores.js';

/** Made by fixtures/make_scores.py. */
interface Reference {
  readonly numClasses: number;
  readonly labels: number[];
  readonly said: number[];
  readonly accuracy: number;
  readonly macroF1: number;
  readonly precision: number[];
  readonly recall: number[];
  readonly f1: number[];
  readonly support: number[];
  readonly confusion: number[][];
}
const references = JSON.parse(
  readFileSync(new URL('fixtures/scores.json', import.meta.url), 'utf8'),
) as Reference[];

function scoresOf(
  pairs: readonly (readonly [is: number, said: number])[],
  names: string[],
): Scores {
  const confusion = new Confusion(names.length);
  for (const [is, said] of pairs) confusion.add(is, said);
  return confusion.scores(names);
}

describe('scores', () => {
  it.each(references)("are scikit-learn's: $numClasses classes", (reference) => {
    const { numClasses, labels, said } = reference;
    const names = Array.from({ length: numClasses }, (_, k) => `c${k}`);
    const scores = scoresOf(
      labels.map((label, i) => [label, said[i]!]),
      names,
    );
    expect(scores.confusion).toEqual(reference.confusion);
    expect(scores.samples).toBe(labels.length);
    expect(scores.accuracy).toBeCloseTo(reference.accuracy, 14);
    expect(scores.macroF1).toBeCloseTo(reference.macroF1, 14);
    scores.perClass.forEach((score, k) => {
      expect(score.samples).toBe(reference.support[k]);
      // scikit-learn was told to write 0 for what cannot be divided.
      expect(score.precision ?? 0).toBeCloseTo(reference.precision[k]!, 14);
      expect(score.recall ?? 0).toBeCloseTo(reference.recall[k]!, 14);
      expect(score.f1 ?? 0).toBeCloseTo(reference.f1[k]!, 14);
    });
  });

  it('are null, and outside of the mean, where there is nothing to divide by', () => {
    // is a: a a b; is b: a. So of a: 2 of 3 said are right, 2 of 3 are found; of b: none. c: no image, said never.
    const pairs = [
      [0, 0],
      [0, 0],
      [0, 1],
      [1, 0],
    ] as const;
    const { perClass, macroF1, accuracy } = scoresOf(pairs, ['a', 'b', 'c', 'd']);
    expect(perClass[0]).toEqual({
      label: 'a',
      samples: 3,
      predicted: 3,
      correct: 2,
      precision: 2 / 3,
      recall: 2 / 3,
      f1: 2 / 3,
    });
    expect(perClass[1]).toMatchObject({ precision: 0, recall: 0, f1: 0 });
    expect(perClass[2]).toMatchObject({ precision: null, recall: null, f1: null });
    expect(macroF1).toBe((2 / 3 + 0) / 2);
    expect(accuracy).toBe(0.5);
    // A class that is only said has a precision and no recall.
    const onlySaid = scoresOf([[0, 1]], ['a', 'b']).perClass[1];
    expect(onlySaid).toMatchObject({ precision: 0, recall: null, f1: 0 });
  });
});

describe('the worst mistakes', () => {
  it('are the surest ones, by path where equally sure, however many there were', () => {
    const worst = new WorstMistakes(3);
    for (let i = 0; i < 5000; i += 1) {
      const probability = ((i * 7919) % 5000) / 5000;
      worst.add({ path: `${i}`, said: 'a', is: 'b', probability, probabilityOfIs: 0 });
    }
    worst.add({ path: 'b', said: 'a', is: 'b', probability: 1, probabilityOfIs: 0 });
    worst.add({ path: 'a', said: 'a', is: 'b', probability: 1, probabilityOfIs: 0 });
    expect(worst.list().map(({ path, probability }) => [path, probability])).toEqual([
      ['a', 1],
      ['b', 1],
      [expect.any(String), 4999 / 5000],
    ]);
  });

  it('are none where none are wanted', () => {
    const worst = new WorstMistakes(0);
    worst.add({ path: 'a', said: 'a', is: 'b', probability: 1, probabilityOfIs: 0 });
    expect(worst.list()).toEqual([]);
  });
});
