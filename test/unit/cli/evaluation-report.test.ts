import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { confusionCsv, evaluationReport } from '../../../src/cli/evaluation-report.js';
import type { EvaluateResult } from '../../../src/inference/evaluate.js';
import { Confusion } from '../../../src/inference/scores.js';

function resultOf(
  names: readonly string[],
  pairs: readonly (readonly [is: number, said: number])[],
): EvaluateResult {
  const confusion = new Confusion(names.length);
  for (const [is, said] of pairs) confusion.add(is, said);
  const wrong = pairs.filter(([is, said]) => is !== said);
  return {
    ...confusion.scores(names),
    ...{ split: 'all', splits: null, loss: 0.5 },
    worstMistakes: wrong.slice(0, 3).map(([is, said], i) => ({
      path: `${names[is]!}/some/folder/with/a/long/name/of/its/own/image-${i}.png`,
      said: names[said]!,
      is: names[is]!,
      probability: 0.9 - i / 10,
      probabilityOfIs: 0.05,
    })),
    skipped: [],
  };
}

const pets = resultOf(
  ['cat', 'dog', 'a very long name of a class that goes on', 'unused'],
  [
    ...Array<[number, number]>(12).fill([0, 0]),
    ...Array<[number, number]>(2).fill([0, 1]),
    ...Array<[number, number]>(5).fill([1, 1]),
    [2, 0],
  ],
);

describe('the report of an evaluation', () => {
  it('says which splits were scored, where there are any', () => {
    const splits = { train: 120, val: 12, test: 20 };
    const sums = 'accuracy 0.850, macro F1 0.574, loss 0.5000 on 20 images';
    expect(evaluationReport({ ...pets, split: 'test', splits }).slice(0, 2)).toEqual([
      `${sums} of test`,
      'scored: test (20); not scored: train (120), val (12)',
    ]);
    expect(evaluationReport({ ...pets, splits }).slice(0, 2)).toEqual([
      sums,
      'scored: train (120), val (12), test (20)',
    ]);
  });

  it('has the sums, each class, the matrix and the worst mistakes', () => {
    expect(evaluationReport(pets).join('\n')).toMatchInlineSnapshot(`
      "accuracy 0.850, macro F1 0.574, loss 0.5000 on 20 images

      CLASS                             IMAGES PRECISION    RECALL        F1
      cat                                   14     0.923     0.857     0.889
      dog                                    5     0.714     1.000     0.833
      a very long name of a class ..         1         -     0.000     0.000
      unused                                 0         -         -         -

      CONFUSION (rows: what it is; columns: what was said)
                                        1  2  3  4
      1 cat                            12  2  .  .
      2 dog                             .  5  .  .
      3 a very long name of a class ..  1  .  .  .
      4 unused                          .  .  .  .

      WORST MISTAKES
      PROB   SAID   IS                  IMAGE
      0.900  dog    cat                 ..lder/with/a/long/name/of/its/own/image-0.png
      0.800  dog    cat                 ..lder/with/a/long/name/of/its/own/image-1.png
      0.700  cat    a very long name..  ..lder/with/a/long/name/of/its/own/image-2.png
      "
    `);
  });

  it('says what was left out', () => {
    const skipped = [{ path: 'a.png', reason: 'the file is empty' }];
    expect(evaluationReport({ ...pets, skipped })[1]).toBe('1 file left out');
  });

  it('lists the most confused pairs where the matrix is too wide, and the classes with the worst F1', () => {
    const names = Array.from({ length: 60 }, (_, k) => `class ${k}`);
    const pairs = names.flatMap((_, k): [number, number][] => [
      ...Array<[number, number]>(3).fill([k, k]),
      ...Array<[number, number]>(k % 7).fill([k, (k + 1) % 60]),
    ]);
    const lines = evaluationReport(resultOf(names, pairs));
    expect(lines).toContain('and 20 classes with a better F1');
    const start = lines.indexOf('MOST CONFUSED');
    expect(lines[start + 2]).toMatch(/^class 6 {25}class 7 {23} {7}6$/);
    expect(lines).toContain('and 36 other pairs'); // 60 classes less the 9 with k % 7 = 0, less 15
    expect(lines.some((line) => line.startsWith('CONFUSION'))).toBe(false);
  });

  it('fits 80 columns, whatever the names and counts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), {
          minLength: 2,
          maxLength: 30,
        }),
        fc.array(fc.tuple(fc.nat(29), fc.nat(29)), { minLength: 1, maxLength: 200 }),
        (names, pairs) => {
          const result = resultOf(
            names,
            pairs.map(([is, said]) => [is % names.length, said % names.length]),
          );
          for (const line of evaluationReport(result)) {
            expect(stringWidth(line)).toBeLessThanOrEqual(80);
            expect(line).not.toMatch(/\p{Cc}/u);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('the confusion matrix as CSV', () => {
  it('has a header and a row for each class, quoted where needed', () => {
    const result = resultOf(
      ['a,b', 'say "c"'],
      [
        [0, 0],
        [0, 1],
        [1, 1],
      ],
    );
    expect(confusionCsv(result)).toBe(
      'is \\ said,"a,b","say ""c"""\r\n"a,b",1,1\r\n"say ""c""",0,1\r\n',
    );
  });
});
