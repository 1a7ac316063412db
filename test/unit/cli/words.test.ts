import { describe, expect, it } from 'vitest';
import {
  bytes,
  count,
  duration,
  loss,
  plural,
  printable,
  rate,
} from '../../../src/cli/progress/words.js';

describe('numbers for people', () => {
  it('are durations from tenths of a second to hours, without 60 s or 60 m', () => {
    const seconds = [0, 0.04, 9.94, 9.96, 59.4, 59.6, 185, 3599.6, 7620, 90_000];
    expect(seconds.map((value) => duration(value * 1000))).toEqual([
      '0.0 s',
      '0.0 s',
      '9.9 s',
      '10 s',
      '59 s',
      '1m 00s',
      '3m 05s',
      '1h 00m',
      '2h 07m',
      '25h 00m',
    ]);
  });

  it('are sizes in powers of 1000', () => {
    expect([0, 999, 1000, 999_949, 999_950, 45_100_000, 3e15].map(bytes)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '999.9 kB',
      '1.0 MB',
      '45.1 MB',
      '3000.0 TB',
    ]);
  });

  it('are losses and rates that never read as 0 when they are not', () => {
    expect([0, 0.81234, 0.00012, 12_345, Number.NaN, Infinity].map(loss)).toEqual([
      '0.0000',
      '0.8123',
      '1.20e-4',
      '1.23e+4',
      'NaN',
      'Infinity',
    ]);
    expect([0.003, 0.00001, 0.000123456, 1, 0].map(rate)).toEqual([
      '0.003',
      '1e-5',
      '0.0001235',
      '1',
      '0',
    ]);
  });

  it('are counts of things, one or many', () => {
    expect([plural(1, 'worker'), plural(1452, 'worker')]).toEqual(['1 worker', '1,452 workers']);
    const classes = [0, 1, 2].map((value) => plural(value, 'class', 'classes'));
    expect(classes).toEqual(['0 classes', '1 class', '2 classes']);
  });

  it('are counts with thousands apart', () => {
    expect([0, 1452, 9_999_999, 12_345_678].map(count)).toEqual([
      '0',
      '1,452',
      '9,999,999',
      '12.3M',
    ]);
  });
});

describe('text from outside', () => {
  it('cannot move the cursor, ring, or break the line', () => {
    expect(printable('a\u001b[2Jb\u0007c\r\nd\u009b1me\u2028f')).toBe('a [2Jb c d 1me f');
  });
});
