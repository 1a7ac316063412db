import { expect, test } from 'vitest';
import { placesByClass } from '../../../src/data/sources/listing.js';

test('the places of each class are found in their order', () => {
  const files = ['b', 'a', 'b'].map((classId, i) => ({ path: String(i), classId, split: null }));
  expect([...placesByClass(files)]).toEqual([
    ['b', [0, 2]],
    ['a', [1]],
  ]);
});

test('the places of a hundred thousand classes are found in one pass', () => {
  const files = Array.from({ length: 300_000 }, (_, i) => ({
    ...{ path: String(i), classId: String(i % 100_000), split: null },
  }));
  const start = performance.now();
  expect(placesByClass(files).get('7')).toEqual([7, 100_007, 200_007]);
  expect(performance.now() - start).toBeLessThan(2000);
});
