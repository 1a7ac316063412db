/** The inputs of make_fixture.py, by the same formulas. */
export const numTrain = 150;
export const numVal = 40;
export const numFeatures = 24;
export const numClasses = 5;
export const batchSize = 32;

/** A number in [-0.5, 0.5) for each integer. */
export function noise(index: number): number {
  return ((index * 7919 + (index % 97) * 3571 + 12345) % 10007) / 10007 - 0.5;
}

export function labelOf(sample: number): number {
  return (sample * 3 + Math.floor(sample / 7)) % numClasses;
}

export function featureOf(sample: number, f: number): number {
  const own = f % numClasses === labelOf(sample) ? 0.5 : 0;
  return Math.fround(noise(sample * numFeatures + f) * 4 + own);
}

/** Samples of each of the epoch's batches, in order. */
export function batchesOf(epoch: number): number[][] {
  const stride = [7, 11, 13, 17, 19][epoch % 5]!;
  const order = Array.from(
    { length: numTrain },
    (_, place) => (place * stride + epoch * 31) % numTrain,
  );
  return Array.from({ length: Math.ceil(numTrain / batchSize) }, (_, batch) =>
    order.slice(batch * batchSize, (batch + 1) * batchSize),
  );
}

/** Weight [K, F] and bias [K] that training starts from. */
export function initialWeight(): Float32Array {
  return Float32Array.from({ length: numClasses * numFeatures }, (_, i) => noise(100000 + i));
}

export function initialBias(): Float32Array {
  return Float32Array.from({ length: numClasses }, (_, k) => noise(200000 + k));
}
