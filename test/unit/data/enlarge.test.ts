import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { enlarge } from '../../../src/data/enlarge.js';

interface Case {
  readonly from: [number, number];
  readonly to: [number, number];
  readonly pixels: string;
  readonly enlarged: string;
}

const { cases } = JSON.parse(
  readFileSync(new URL('./enlarge-pillow.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

describe('enlarging an image', () => {
  it.each(cases)('from $from to $to has the bytes of Pillow', ({ from, to, pixels, enlarged }) => {
    const image = { width: from[0], height: from[1], pixels_HWC: bytes(pixels) };
    const [width, height] = to;
    expect(enlarge(image, width, height)).toEqual({ width, height, pixels_HWC: bytes(enlarged) });
  });

  it('keeps a mirrored image mirrored: nothing is shifted', () => {
    const sizes = fc.record({
      width: fc.integer({ min: 1, max: 9 }),
      more: fc.integer({ min: 0, max: 12 }),
    });
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat(255)), ({ width, more }, values) => {
        const row = Array.from({ length: width }, (): number => values.next().value as number);
        const enlargedRow = (grey: readonly number[]): number[] => {
          const pixels_HWC = Uint8Array.from(grey.flatMap((value) => [value, value, value]));
          const to = width + more;
          const { pixels_HWC: out } = enlarge({ width, height: 1, pixels_HWC }, to, 1);
          return [...out].filter((_, i) => i % 3 === 0);
        };
        expect(enlargedRow(row.toReversed())).toEqual(enlargedRow(row).toReversed());
      }),
    );
  });
});
