import type { AugmentSpec, DataSpec } from '../../../src/config/run-spec.js';

/** Every augmentation switched off. */
export const noAugment: AugmentSpec = {
  rotate: 0,
  flipHorizontal: 0,
  flipVertical: 0,
  scale: [1, 1],
  translate: 0,
  crop: [1, 1],
  brightness: 0,
  contrast: 0,
  saturation: 0,
  hue: 0,
  grayscale: 0,
  randomResizedCrop: null,
  randomErasing: null,
};

/** What a `data` section compiles to that names a source and a size alone; split in halves. */
export function dataSpec(source: string, imageSize: number): DataSpec {
  return {
    source,
    integrity: null,
    sha256: null,
    within: null,
    rules: null,
    classNames: null,
    split: { train: 0.5, val: 0.5, test: 0, groupBy: null },
    onBadFile: 'fail',
    imageSize,
    views: null,
    valTransform: { resize: null },
    background: [255, 255, 255],
    augment: noAugment,
    normalise: null,
  };
}
