import type { Rgb } from '../config/run-spec.js';

/**
 * How an image becomes the network's input. It belongs to the weights and travels with them, into the cache keys
 * and the run's artifacts (`model/preprocessing.json`).
 */
export interface Preprocessing {
  /** Side of the square input, in pixels. */
  readonly imageSize: number;
  /**
   * Shorter side, in pixels, that images are resized to before the plain view's centre crop of `imageSize`; at least that.
   * Training views are made from another size (working-side.ts).
   */
  readonly resizeSide: number;
  /** input = (pixel / 255 - mean) / std, per RGB channel; pixels are 0..255. */
  readonly mean: Rgb;
  readonly std: Rgb;
  /** RGB that transparent pixels are flattened on, and that fills what lies outside of a moved image. */
  readonly background: Rgb;
}

/** The view index that evaluation uses: resize and centre crop alone. Training views count from 0. */
export const plainView = -1;
