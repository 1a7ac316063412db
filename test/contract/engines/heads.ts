import type { ConvPoolHead } from '../../../src/models/prepared-model.js';

export const headOfSize = (numFeatures: number, numClasses: number) => ({
  kind: 'linear' as const,
  weightName: 'fc.weight',
  biasName: 'fc.bias',
  numFeatures,
  numClasses,
});

/** squeezenet's: a 1x1 convolution on an image of features, relu, mean. */
export const convHeadOfSize = (
  channels: number,
  height: number,
  width: number,
  numClasses: number,
): ConvPoolHead => ({
  kind: 'convPool',
  weightName: 'classifier.1.weight',
  biasName: 'classifier.1.bias',
  numFeatures: channels * height * width,
  ...{ numClasses, channels, height, width },
});
