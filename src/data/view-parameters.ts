import type { AugmentSpec } from '../config/run-spec.js';
import { plainView } from './preprocessing.js';
import { CounterRng } from './rng.js';

/**
 * One view of an image, free of its resolution: lengths are fractions of the output's side. Geometry is applied in
 * the order rotate and scale (about the middle), translate, crop, flips; color in the order brightness, contrast,
 * saturation.
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
  };
}
