import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderView, viewParameters } from '../../../src/data/augment.js';
import type { DecodedImage } from '../../../src/data/pixel-cache.js';
import { resizedCropOf } from '../../../src/data/resized-crop.js';
import { plainParameters, type ViewParameters } from '../../../src/data/view-parameters.js';
import { noAugment } from '../../support/data/data-spec.js';

/** Made by fixtures/make_views.py with torchvision. Rectangles are top, left, height, width, in pixels. */
interface Fixture {
  readonly hue: { hue: number; values: number[] }[];
  readonly grayscale: number[];
  readonly jitter: number[];
  readonly all: number[];
  readonly resizedCrop: { rectangle: [number, number, number, number]; values: number[] }[];
  readonly erase: { rectangle: [number, number, number, number]; values: number[] }[];
  readonly resizedCropStatistics: {
    width: number;
    height: number;
    area: [number, number];
    ratio: [number, number];
    mean: Record<'left' | 'top' | 'width' | 'height' | 'area', number>;
  }[];
  readonly erasureStatistics: Record<'left' | 'top' | 'width' | 'height' | 'area', number>;
}
const fixture = JSON.parse(
  readFileSync(new URL('fixtures/views.json', import.meta.url), 'utf8'),
) as Fixture;

const side = 8;
const image: DecodedImage = {
  width: 14,
  height: 11,
  pixels_HWC: Uint8Array.from({ length: 14 * 11 * 3 }, (_, i) => ((i + 1) * 131) % 256),
};
const pixelValues = {
  imageSize: side,
  resizeSide: side,
  mean: [0, 0, 0],
  std: [1 / 255, 1 / 255, 1 / 255],
  background: [7, 77, 177],
} as const;

function render(view: Partial<ViewParameters>, source = image): Float32Array {
  const out = new Float32Array(3 * side * side);
  renderView(source, { ...plainParameters, ...view }, pixelValues, out, 0);
  return out;
}

/** Values of 0..255 whose float32 steps are 2^-17 at most, after a few operations of that precision. */
function expectClose(actual: ArrayLike<number>, expected: readonly number[], places = 3): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, places);
  });
}

/** The draws that give exactly this rectangle of the image. */
function drawsFor([top, left, height, width]: readonly number[]): ViewParameters['resizedCrop'] {
  const share = (place: number, room: number): number => (room === 0 ? 0 : place / room);
  return {
    tries: [[(width! * height!) / (image.width * image.height), width! / height!]],
    ratio: [0.1, 10],
    left: share(left!, image.width - width!),
    top: share(top!, image.height - height!),
  };
}

describe("torchvision's functional transforms", () => {
  it.each(fixture.hue)('adjust_hue by $hue', ({ hue, values }) => {
    expectClose(render({ hue }), values);
  });

  it('rgb_to_grayscale', () => {
    expectClose(render({ grayscale: true }), fixture.grayscale);
  });

  it('brightness, contrast, saturation, hue, and then grayscale', () => {
    const jitter = { brightness: 1.2, contrast: 0.7, saturation: 1.6, hue: 0.2 };
    expectClose(render(jitter), fixture.jitter);
    expectClose(render({ ...jitter, grayscale: true }), fixture.all);
  });

  it.each(fixture.resizedCrop)('resized_crop of $rectangle', ({ rectangle, values }) => {
    const out = render({ resizedCrop: drawsFor(rectangle) });
    const [top, left, height, width] = rectangle;
    // torchvision repeats the crop's outermost pixels; here the image goes on, up to its own edge.
    const isSame = (place: number, start: number, length: number, size: number): boolean => {
      const at = ((place + 0.5) * length) / side - 0.5 + start;
      return (at >= start || start === 0) && (at <= start + length - 1 || start + length === size);
    };
    let numSame = 0;
    for (let i = 0; i < values.length; i += 1) {
      const [x, y] = [i % side, Math.floor(i / side) % side];
      if (!isSame(x, left, width, image.width) || !isSame(y, top, height, image.height)) continue;
      numSame += 1;
      expect(out[i]).toBeCloseTo(values[i]!, 3);
    }
    expect(numSame).toBeGreaterThanOrEqual(3 * 6 * 4);
    if (width === image.width && height === image.height) expect(numSame).toBe(values.length);
  });

  it.each(fixture.erase)('erase of $rectangle', ({ rectangle, values }) => {
    const [top, left, height, width] = rectangle;
    const erase = {
      height: height / side,
      width: width / side,
      // In the middle of what is rounded down to the place.
      top: (top + 0.5) / (side - height + 1),
      left: (left + 0.5) / (side - width + 1),
    };
    expectClose(render({ erase }), values);
  });
});

describe("the rectangles of torchvision's get_params", () => {
  const numViews = 20_000;
  /** Means of 20,000 draws deviate by 0.3 / sqrt(20,000) = 0.002 on either side; five of them. */
  const tolerance = 0.015;

  it.each(fixture.resizedCropStatistics)(
    'RandomResizedCrop of $width x $height, area $area',
    ({ width, height, area, ratio, mean }) => {
      const augment = { ...noAugment, randomResizedCrop: { area, ratio } };
      const sums = { left: 0, top: 0, width: 0, height: 0, area: 0 };
      for (let view = 0; view < numViews; view += 1) {
        const draws = viewParameters(augment, 1, 'x', view).resizedCrop!;
        const cut = resizedCropOf(draws, width, height);
        sums.left += cut.left / width;
        sums.top += cut.top / height;
        sums.width += cut.width / width;
        sums.height += cut.height / height;
        sums.area += (cut.width * cut.height) / (width * height);
      }
      for (const key of ['left', 'top', 'width', 'height', 'area'] as const) {
        expect(Math.abs(sums[key] / numViews - mean[key])).toBeLessThan(tolerance);
      }
    },
  );

  it('RandomErasing', () => {
    const randomErasing = { probability: 1, area: [0.02, 0.33], ratio: [0.3, 3.3] } as const;
    const sums = { left: 0, top: 0, width: 0, height: 0, area: 0 };
    for (let view = 0; view < numViews; view += 1) {
      const erase = viewParameters({ ...noAugment, randomErasing }, 1, 'x', view).erase!;
      sums.left += erase.left * (1 - erase.width);
      sums.top += erase.top * (1 - erase.height);
      sums.width += erase.width;
      sums.height += erase.height;
      sums.area += erase.width * erase.height;
    }
    for (const key of ['left', 'top', 'width', 'height', 'area'] as const) {
      expect(Math.abs(sums[key] / numViews - fixture.erasureStatistics[key])).toBeLessThan(
        tolerance,
      );
    }
  });
});

describe('a random resized crop', () => {
  it('lies in the image, within its ranges of area and ratio wherever one fits', () => {
    const range = (low: number, high: number): fc.Arbitrary<[number, number]> =>
      fc
        .tuple(
          fc.double({ min: low, max: high, noNaN: true }),
          fc.double({ min: low, max: high, noNaN: true }),
        )
        .map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
    fc.assert(
      fc.property(
        range(0.01, 1),
        range(0.2, 5),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 500 }),
        fc.nat(1000),
        (area, ratio, width, height, view) => {
          const augment = { ...noAugment, randomResizedCrop: { area, ratio } };
          const draws = viewParameters(augment, 1, 'x', view).resizedCrop!;
          const cut = resizedCropOf(draws, width, height);
          expect(cut.left).toBeGreaterThanOrEqual(0);
          expect(cut.top).toBeGreaterThanOrEqual(0);
          expect(cut.left + cut.width).toBeLessThanOrEqual(width * (1 + 1e-12));
          expect(cut.top + cut.height).toBeLessThanOrEqual(height * (1 + 1e-12));
          const found = cut.width / cut.height;
          expect(found).toBeGreaterThanOrEqual(ratio[0] * (1 - 1e-9));
          expect(found).toBeLessThanOrEqual(ratio[1] * (1 + 1e-9));
        },
      ),
    );
  });

  it('does not alias: stripes of one pixel come out grey, however much they shrink', () => {
    const large: DecodedImage = {
      width: 64,
      height: 64,
      pixels_HWC: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (Math.floor(i / 3) % 2) * 254),
    };
    const whole = { tries: [[1, 1]], ratio: [1, 1], left: 0, top: 0 } as const;
    for (const value of render({ resizedCrop: whole }, large)) expect(value).toBeCloseTo(127, 4);
    // And a ramp keeps its place: each output pixel is the mean of the 8 that it covers.
    const ramp: DecodedImage = {
      ...large,
      pixels_HWC: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => 4 * (Math.floor(i / 3) % 64)),
    };
    const out = render({ resizedCrop: whole }, ramp);
    for (let x = 0; x < side; x += 1)
      expect(Math.abs(out[x]! - 4 * (8 * x + 3.5))).toBeLessThan(2.01);
  });

  it('shows the image and no background, up to its very edge', () => {
    const grey: DecodedImage = { width: 5, height: 9, pixels_HWC: new Uint8Array(135).fill(90) };
    fc.assert(
      fc.property(fc.nat(5000), (view) => {
        const randomResizedCrop = { area: [0.08, 1], ratio: [0.75, 4 / 3] } as const;
        const { resizedCrop } = viewParameters({ ...noAugment, randomResizedCrop }, 1, 'x', view);
        for (const value of render({ resizedCrop }, grey)) expect(value).toBeCloseTo(90, 3);
      }),
    );
  });
});

describe('an erasure', () => {
  it('is 0 after the normalisation, which is the mean color, and leaves the rest alone', () => {
    fc.assert(
      fc.property(fc.nat(5000), (view) => {
        const randomErasing = { probability: 1, area: [0.02, 1], ratio: [0.3, 3.3] } as const;
        const { erase } = viewParameters({ ...noAugment, randomErasing }, 1, 'x', view);
        const normalised = { ...pixelValues, mean: [0.3, 0.5, 0.7], std: [0.2, 0.2, 0.2] } as const;
        const [plain, erased] = [new Float32Array(192), new Float32Array(192)];
        renderView(image, plainParameters, normalised, plain, 0);
        renderView(image, { ...plainParameters, erase }, normalised, erased, 0);
        const isErased = erased.map((value, i) => (value === plain[i] ? 0 : 1));
        erased.forEach((value, i) => {
          if (isErased[i] === 1) expect(value).toBe(0);
        });
        // The same rectangle in each channel.
        const plane = (c: number): Float32Array => isErased.subarray(64 * c, 64 * (c + 1));
        expect(plane(1)).toEqual(plane(0));
        expect(plane(2)).toEqual(plane(0));
        const numErased = plane(0).reduce((sum, value) => sum + value, 0);
        const rows = new Set<number>();
        const columns = new Set<number>();
        plane(0).forEach((value, i) => {
          if (value === 0) return;
          rows.add(Math.floor(i / 8));
          columns.add(i % 8);
        });
        expect(numErased).toBe(rows.size * columns.size);
        expect(rows.size).toBeLessThan(8);
        expect(columns.size).toBeLessThan(8);
      }),
    );
  });
});
