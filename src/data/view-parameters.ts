import type { AugmentSpec } from '../config/run-spec.js';
import { plainView } from './preprocessing.js';
import type { ResizedCropDraws } from './resized-crop.js';
import { CounterRng } from './rng.js';

/** How often torchvision draws a rectangle until one fits. */
const numTries = 10;

/**
 * One view of an image, free of its resolution: lengths are fractions of the output's side. Geometry is applied in
 * the order random resized crop, rotate and scale (about the middle), translate, crop, flips; color in the order
 * brightness, contrast, saturation, hue, grayscale; erasure last.
 */
export interface ViewParameters {
  /** Counter-clockwise, as seen. */
  readonly rotateDegrees: number;
  /** Zoom factor; above 1 enlarges. */
  readonly scale: number;
  /** To the right, and down. */
  readonly translateX: number;
  readonly translateY: number;
  /** Side of the square that is cut out and enlarged to the whole, and where its middle lies from the image's. */
  readonly cropSide: number;
  readonly cropX: number;
  readonly cropY: number;
  readonly flipHorizontal: boolean;
  readonly flipVertical: boolean;
  /** Factors as torchvision's adjust_brightness, adjust_contrast and adjust_saturation; 1 changes nothing. */
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  /** Shift of the hue in turns, as torchvision's adjust_hue; 0 changes nothing. */
  readonly hue: number;
  readonly grayscale: boolean;
  /** In place of the centre crop, where it is not null. */
  readonly resizedCrop: ResizedCropDraws | null;
  /** The rectangle that is erased: height and width, and where it is among the places where it fits, in [0, 1). */
  readonly erase: {
    readonly height: number;
    readonly width: number;
    readonly top: number;
    readonly left: number;
  } | null;
}

/** The view that changes nothing: resize and centre crop alone. */
export const plainParameters: ViewParameters = Object.freeze({
  rotateDegrees: 0,
  scale: 1,
  translateX: 0,
  translateY: 0,
  cropSide: 1,
  cropX: 0,
  cropY: 0,
  flipHorizontal: false,
  flipVertical: false,
  brightness: 1,
  contrast: 1,
  saturation: 1,
  hue: 0,
  grayscale: false,
  resizedCrop: null,
  erase: null,
});

/**
 * The parameters of a sample's view: a pure function of (seed, sample id, view), view -1 being the plain one. Each
 * transform has its own place in the random stream, so that switching one on or off leaves the others as they are.
 */
export function viewParameters(
  augment: AugmentSpec,
  seed: number,
  sampleId: string,
  view: number,
): ViewParameters {
  if (view === plainView) return plainParameters;
  const rng = new CounterRng(seed, 'view', sampleId, view);
  const within = (place: number, low: number, high: number): number =>
    low + rng.uniform(place) * (high - low);
  const factor = (place: number, strength: number): number =>
    within(place, Math.max(0, 1 - strength), 1 + strength);

  const cropSide = Math.sqrt(within(6, augment.crop[0], augment.crop[1]));
  const cropReach = (1 - cropSide) / 2;
  return {
    rotateDegrees: within(0, -augment.rotate, augment.rotate),
    flipHorizontal: rng.uniform(1) < augment.flipHorizontal,
    flipVertical: rng.uniform(2) < augment.flipVertical,
    scale: within(3, augment.scale[0], augment.scale[1]),
    translateX: within(4, -augment.translate, augment.translate),
    translateY: within(5, -augment.translate, augment.translate),
    cropSide,
    cropX: within(7, -cropReach, cropReach),
    cropY: within(8, -cropReach, cropReach),
    brightness: factor(9, augment.brightness),
    contrast: factor(10, augment.contrast),
    saturation: factor(11, augment.saturation),
    hue: within(12, -augment.hue, augment.hue),
    grayscale: rng.uniform(13) < augment.grayscale,
    resizedCrop: drawResizedCrop(augment.randomResizedCrop, rng, 14),
    erase: drawErasure(augment.randomErasing, rng, 14 + 2 + 2 * numTries),
  };
}

/** Areas and ratios, a pair for each try; the logarithm of the ratio is uniform, as torchvision has it. */
function drawRectangles(
  { area, ratio }: { area: readonly [number, number]; ratio: readonly [number, number] },
  rng: CounterRng,
  place: number,
): (readonly [area: number, ratio: number])[] {
  const [low, high] = [Math.log(ratio[0]), Math.log(ratio[1])];
  return Array.from({ length: numTries }, (_, i) => [
    area[0] + rng.uniform(place + 2 * i) * (area[1] - area[0]),
    Math.exp(low + rng.uniform(place + 2 * i + 1) * (high - low)),
  ]);
}

function drawResizedCrop(
  spec: AugmentSpec['randomResizedCrop'],
  rng: CounterRng,
  place: number,
): ResizedCropDraws | null {
  if (spec === null) return null;
  return {
    tries: drawRectangles(spec, rng, place + 2),
    ratio: spec.ratio,
    left: rng.uniform(place),
    top: rng.uniform(place + 1),
  };
}

/** torchvision's RandomErasing.get_params: the first rectangle that is smaller than the image both ways, or none. */
function drawErasure(
  spec: AugmentSpec['randomErasing'],
  rng: CounterRng,
  place: number,
): ViewParameters['erase'] {
  if (spec === null || rng.uniform(place) >= spec.probability) return null;
  const fitting = drawRectangles(spec, rng, place + 3)
    .map(([area, ratio]) => ({ height: Math.sqrt(area * ratio), width: Math.sqrt(area / ratio) }))
    .find(({ height, width }) => height < 1 && width < 1);
  if (fitting === undefined) return null;
  return { ...fitting, top: rng.uniform(place + 1), left: rng.uniform(place + 2) };
}
