import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AugmentSpec } from '../../../src/config/run-spec.js';
import { renderView, viewParameters, type ViewParameters } from '../../../src/data/augment.js';
import type { DecodedImage } from '../../../src/data/pixel-cache.js';
import type { Preprocessing } from '../../../src/data/preprocessing.js';
import { noAugment } from '../../support/data/data-spec.js';
import { plainParameters } from '../../../src/data/view-parameters.js';

/** Writes pixel values themselves, 0..255, so that expectations need no normalisation. */
const pixelValues = (imageSize: number): Preprocessing => ({
  imageSize,
  resizeSide: imageSize,
  mean: [0, 0, 0],
  std: [1 / 255, 1 / 255, 1 / 255],
  background: [7, 77, 177],
});

const neutral: AugmentSpec = noAugment;

const images = fc
  .record({
    side: fc.integer({ min: 1, max: 12 }),
    extraWidth: fc.nat(9),
    extraHeight: fc.nat(9),
    seed: fc.nat(1000),
  })
  .map(({ side, extraWidth, extraHeight, seed }) => {
    const [width, height] = [side + extraWidth, side + extraHeight];
    const pixels_HWC = Uint8Array.from(
      { length: width * height * 3 },
      (_, i) => ((i + 1) * (2 * seed + 131)) % 256,
    );
    return { side, image: { width, height, pixels_HWC } satisfies DecodedImage };
  });

const unit = (min: number, max: number): fc.Arbitrary<number> =>
  fc.double({ min, max, noNaN: true, noDefaultInfinity: true });

const geometries = fc
  .record({
    rotateDegrees: unit(-180, 180),
    scale: unit(0.5, 2),
    translateX: unit(-1, 1),
    translateY: unit(-1, 1),
    cropSide: unit(0.2, 1),
    cropX: unit(-0.4, 0.4),
    cropY: unit(-0.4, 0.4),
    flipHorizontal: fc.boolean(),
    flipVertical: fc.boolean(),
  })
  .map((geometry): ViewParameters => ({ ...plainParameters, ...geometry }));

function render(
  image: DecodedImage,
  view: Partial<ViewParameters>,
  preprocessing: Preprocessing,
): number[] {
  const out = new Float32Array(3 * preprocessing.imageSize ** 2);
  renderView(image, { ...plainParameters, ...view }, preprocessing, out, 0);
  return [...out];
}

/** torchvision's CenterCrop offset: Python's round, a half to the even number. */
const cropStart = (length: number, side: number): number => {
  const half = (length - side) / 2;
  return half % 2 === 0.5 ? half - 0.5 : Math.round(half);
};

/** The obvious renderer: one output pixel at a time, each transform undone by itself, taps through a function. */
function renderSlowly(image: DecodedImage, view: ViewParameters, pre: Preprocessing): number[] {
  const side = pre.imageSize;
  const left = cropStart(image.width, side);
  const top = cropStart(image.height, side);
  const tap = (x: number, y: number, c: number): number =>
    x >= 0 && y >= 0 && x < image.width && y < image.height
      ? image.pixels_HWC[(y * image.width + x) * 3 + c]!
      : pre.background[c]!;
  const values: number[] = [];
  for (let c = 0; c < 3; c += 1) {
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        let u = x + 0.5 - side / 2;
        let v = y + 0.5 - side / 2;
        if (view.flipHorizontal) u = -u;
        if (view.flipVertical) v = -v;
        u = u * view.cropSide + side * view.cropX;
        v = v * view.cropSide + side * view.cropY;
        u -= side * view.translateX;
        v -= side * view.translateY;
        const angle = (view.rotateDegrees * Math.PI) / 180;
        const [ru, rv] = [
          u * Math.cos(angle) - v * Math.sin(angle),
          u * Math.sin(angle) + v * Math.cos(angle),
        ];
        const sx = ru / view.scale + left + side / 2 - 0.5;
        const sy = rv / view.scale + top + side / 2 - 0.5;
        const [x0, y0] = [Math.floor(sx), Math.floor(sy)];
        let sum = 0;
        for (const [tx, ty] of [
          [x0, y0],
          [x0 + 1, y0],
          [x0, y0 + 1],
          [x0 + 1, y0 + 1],
        ] as const) {
          sum += (1 - Math.abs(sx - tx)) * (1 - Math.abs(sy - ty)) * tap(tx, ty, c);
        }
        values.push(sum);
      }
    }
  }
  return values;
}

describe('renderView', () => {
  it("gives the plain view the decoded pixels exactly: torchvision's CenterCrop", () => {
    fc.assert(
      fc.property(images, ({ side, image }) => {
        const expected: number[] = [];
        for (let c = 0; c < 3; c += 1) {
          for (let y = 0; y < side; y += 1) {
            for (let x = 0; x < side; x += 1) {
              const row = y + cropStart(image.height, side);
              const column = x + cropStart(image.width, side);
              expected.push(image.pixels_HWC[(row * image.width + column) * 3 + c]!);
            }
          }
        }
        expect(render(image, {}, pixelValues(side))).toEqual(expected);
      }),
    );
  });

  it('crops where torchvision does, for odd margins too', () => {
    // First columns of torchvision 0.29 center_crop(image, 4) of widths 4 to 11.
    const starts = [4, 5, 6, 7, 8, 9, 10, 11].map((width) => {
      const pixels_HWC = Uint8Array.from(
        { length: width * 4 * 3 },
        (_, i) => Math.trunc(i / 3) % width,
      );
      return render({ width, height: 4, pixels_HWC }, {}, pixelValues(4))[0];
    });
    expect(starts).toEqual([0, 0, 1, 2, 2, 2, 3, 4]);
  });

  it('maps pixels exactly under quarter turns and flips', () => {
    fc.assert(
      fc.property(
        images,
        fc.integer({ min: -8, max: 8 }),
        fc.boolean(),
        fc.boolean(),
        ({ side, image }, quarters, flipHorizontal, flipVertical) => {
          const pre = pixelValues(side);
          const square = {
            width: side,
            height: side,
            pixels_HWC: image.pixels_HWC.subarray(0, side * side * 3),
          };
          const plain = render(square, {}, pre);
          const turns = ((quarters % 4) + 4) % 4;
          const expected = plain.map((_, i) => {
            const c = Math.floor(i / (side * side));
            let y = Math.floor((i % (side * side)) / side);
            let x = i % side;
            if (flipHorizontal) x = side - 1 - x;
            if (flipVertical) y = side - 1 - y;
            // A counter-clockwise turn shows at (x, y) what was at (side - 1 - y, x).
            for (let turn = 0; turn < turns; turn += 1) [x, y] = [side - 1 - y, x];
            return plain[(c * side + y) * side + x]!;
          });
          const view = { rotateDegrees: quarters * 90, flipHorizontal, flipVertical };
          expect(render(square, view, pre)).toEqual(expected);
        },
      ),
    );
  });

  it('turns counter-clockwise: what was at the right is at the top', () => {
    const pixels_HWC = Uint8Array.from([1, 2, 3, 4].flatMap((value) => [value, 0, 0]));
    const image = { width: 2, height: 2, pixels_HWC }; // 1 2 / 3 4
    expect(render(image, { rotateDegrees: 90 }, pixelValues(2)).slice(0, 4)).toEqual([2, 4, 1, 3]);
  });

  it('moves by whole pixels exactly, right and down, and fills with the background', () => {
    const pixels_HWC = Uint8Array.from([1, 2, 3, 4].flatMap((value) => [value, value, value]));
    const image = { width: 2, height: 2, pixels_HWC };
    const moved = render(image, { translateX: 0.5, translateY: 0.5 }, pixelValues(2));
    expect(moved).toEqual([7, 7, 7, 1, 77, 77, 77, 1, 177, 177, 177, 1]);
  });

  it('agrees with the obvious renderer for any geometry', () => {
    fc.assert(
      fc.property(images, geometries, ({ side, image }, view) => {
        const actual = render(image, view, pixelValues(side));
        const expected = renderSlowly(image, view, pixelValues(side));
        // Differences of 1e-13 in a coordinate, times a slope of 255 at most, and float32 storage.
        const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
        expect(worst).toBeLessThan(1e-4);
      }),
      { numRuns: 500 },
    );
  });

  it('shrinks by two to the exact mean of four pixels', () => {
    const pixels_HWC = Uint8Array.from({ length: 4 * 4 * 3 }, (_, i) => (i * 37) % 256);
    const image = { width: 4, height: 4, pixels_HWC };
    const shrunk = render(image, { scale: 0.5 }, pixelValues(4));
    const at = (x: number, y: number): number => pixels_HWC[(y * 4 + x) * 3]!;
    expect(shrunk[5]).toBe((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4);
    expect(shrunk[0]).toBe(7);
  });

  // torchvision 0.29.2, float32: adjust_brightness, then adjust_contrast, then adjust_saturation of
  // tensor([[[200, 10], [90, 255]], [[100, 240], [30, 0]], [[50, 120], [255, 60]]]) / 255; results times 255.
  it.each([
    [
      { brightness: 1.3, contrast: 0.6, saturation: 1.8 },
      [
        248.967041015625, 0, 134.9695587158203, 255, 113.96704864501953, 243.4877471923828,
        50.729557037353516, 9.484503746032715, 43.76704788208008, 136.5677490234375, 255,
        93.72449493408203,
      ],
    ],
    [
      { brightness: 0.7, contrast: 1.5, saturation: 0.25 },
      [
        111.93730926513672, 101.54964447021484, 46.23452377319336, 110.87921142578125,
        85.68730926513672, 154.96031188964844, 32.198856353759766, 53.53104782104492,
        72.56230163574219, 123.46031188964844, 89.5470199584961, 59.69171905517578,
      ],
    ],
  ])('adjusts color as torchvision does: %j', (color, expected) => {
    const pixels_HWC = Uint8Array.from([200, 100, 50, 10, 240, 120, 90, 30, 255, 255, 0, 60]);
    const actual = render({ width: 2, height: 2, pixels_HWC }, color, pixelValues(2));
    actual.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 3);
    });
  });

  it('normalises each channel, with color and without', () => {
    const pre: Preprocessing = {
      imageSize: 1,
      resizeSide: 1,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      background: [0, 0, 0],
    };
    const image = { width: 1, height: 1, pixels_HWC: Uint8Array.from([10, 100, 250]) };
    // (10 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (250 / 255 - 0.406) / 0.225
    const expected = [-1.946656, -0.285014, 2.552854];
    render(image, {}, pre).forEach((value, c) => {
      expect(value).toBeCloseTo(expected[c]!, 5);
    });
    const doubled = render(image, { brightness: 2 }, pre);
    expect(doubled[0]).toBeCloseTo((20 / 255 - 0.485) / 0.229, 5);
    expect(doubled[2]).toBeCloseTo((1 - 0.406) / 0.225, 5);
  });

  it('writes at its offset and nowhere else, and refuses an output that is too short', () => {
    const image = { width: 2, height: 2, pixels_HWC: new Uint8Array(12).fill(9) };
    const out = new Float32Array(20).fill(-1);
    renderView(image, plainParameters, pixelValues(2), out, 4);
    expect([...out]).toEqual([
      ...Array<number>(4).fill(-1),
      ...Array<number>(12).fill(9),
      ...Array<number>(4).fill(-1),
    ]);
    expect(() => {
      renderView(image, plainParameters, pixelValues(2), out, 9);
    }).toThrow(new RangeError('The output ends before the image does, which starts at 9.'));
  });
});

describe('viewParameters', () => {
  const full: AugmentSpec = {
    rotate: 30,
    flipHorizontal: 0.5,
    flipVertical: 0.25,
    scale: [0.8, 1.25],
    translate: 0.1,
    crop: [0.5, 1],
    brightness: 0.2,
    contrast: 1.5,
    saturation: 0.4,
    hue: 0.3,
    grayscale: 0.2,
    randomResizedCrop: { area: [0.08, 1], ratio: [0.75, 4 / 3] },
    randomErasing: { probability: 0.5, area: [0.02, 0.33], ratio: [0.3, 3.3] },
  };

  it('is pure, and differs between seeds, samples and views', () => {
    const view = viewParameters(full, 1, 'a.png', 0);
    expect(viewParameters(full, 1, 'a.png', 0)).toEqual(view);
    const others = [
      viewParameters(full, 2, 'a.png', 0),
      viewParameters(full, 1, 'b.png', 0),
      viewParameters(full, 1, 'a.png', 1),
    ];
    for (const other of others) expect(other.rotateDegrees).not.toBe(view.rotateDegrees);
  });

  it('draws within the ranges, and from all of them', () => {
    const views = Array.from({ length: 4000 }, (_, view) => viewParameters(full, 5, 'x', view));
    const spans = (pick: (view: ViewParameters) => number, low: number, high: number): void => {
      const values = views.map(pick);
      expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...values)).toBeLessThanOrEqual(high);
      expect(Math.min(...values)).toBeLessThan(low + 0.01 * (high - low));
      expect(Math.max(...values)).toBeGreaterThan(high - 0.01 * (high - low));
    };
    spans((v) => v.rotateDegrees, -30, 30);
    spans((v) => v.scale, 0.8, 1.25);
    spans((v) => v.translateX, -0.1, 0.1);
    spans((v) => v.translateY, -0.1, 0.1);
    spans((v) => v.cropSide ** 2, 0.5, 1);
    spans((v) => v.brightness, 0.8, 1.2);
    spans((v) => v.contrast, 0, 2.5); // max(0, 1 - 1.5)
    spans((v) => v.saturation, 0.6, 1.4);
    spans((v) => v.hue, -0.3, 0.3);
    spans((v) => v.resizedCrop!.tries[0]![0], 0.08, 1);
    spans((v) => Math.log(v.resizedCrop!.tries[9]![1]), Math.log(0.75), Math.log(4 / 3));
    spans((v) => v.resizedCrop!.left, 0, 1);
    spans((v) => v.resizedCrop!.top, 0, 1);
    for (const v of views) {
      expect(Math.abs(v.cropX) + v.cropSide / 2).toBeLessThanOrEqual(0.5 + 1e-12);
      expect(Math.abs(v.cropY) + v.cropSide / 2).toBeLessThanOrEqual(0.5 + 1e-12);
    }
    const share = (pick: (view: ViewParameters) => boolean): number =>
      views.filter(pick).length / views.length;
    // Deviations of a share of 4000: sqrt(p (1 - p) / 4000) < 0.008; five of them.
    expect(Math.abs(share((v) => v.flipHorizontal) - 0.5)).toBeLessThan(0.04);
    expect(Math.abs(share((v) => v.flipVertical) - 0.25)).toBeLessThan(0.04);
    expect(Math.abs(share((v) => v.grayscale) - 0.2)).toBeLessThan(0.04);
    expect(Math.abs(share((v) => v.erase !== null) - 0.5)).toBeLessThan(0.04);
  });

  it('leaves the other transforms as they are when one is switched off', () => {
    const without = viewParameters({ ...full, rotate: 0, brightness: 0 }, 1, 'a.png', 3);
    expect(without).toEqual({
      ...viewParameters(full, 1, 'a.png', 3),
      rotateDegrees: 0,
      brightness: 1,
    });
  });

  it('is the plain view for view -1, and where every transform is neutral', () => {
    expect(viewParameters(full, 1, 'a.png', -1)).toBe(plainParameters);
    expect(viewParameters(neutral, 1, 'a.png', 3)).toEqual(plainParameters);
  });
});
