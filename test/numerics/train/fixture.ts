import { readFileSync } from 'node:fs';

/** What make_fixture.py wrote; `Packed` is a float32 array as base64. */
type Packed = string;

interface Head {
  readonly weight: Packed;
  readonly bias: Packed;
}

interface RunFixture {
  readonly gamma: number;
  readonly classWeights: readonly number[] | null;
  readonly afterStep1: Head;
  readonly atEnd: Head;
  readonly epochs: readonly {
    readonly learningRate: number;
    readonly stepLosses: readonly number[];
    readonly valLoss: number;
    readonly valCorrect: number;
  }[];
}

interface AdamFixture {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly after: Readonly<
    Record<string, { parameters: Packed; firstMoments: Packed; secondMoments: Packed }>
  >;
}

interface StepLrFixture {
  readonly learningRate: number;
  readonly stepSize: number;
  readonly gamma: number;
  readonly rates: readonly number[];
}

export const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/train-pytorch.json', import.meta.url), 'utf8'),
) as {
  readonly madeWith: { readonly torch: string };
  readonly runs: readonly RunFixture[];
  readonly adam: readonly AdamFixture[];
  readonly stepLr: readonly StepLrFixture[];
};

export function unpacked(text: Packed): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
}

/** max |a - b| / max |b|: how far apart two tensors are, relative to the larger one's scale. */
export function relativeDistance(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) throw new Error('The tensors differ in length.');
  let distance = 0;
  let scale = 0;
  for (const [i, value] of expected.entries()) {
    distance = Math.max(distance, Math.abs(actual[i]! - value));
    scale = Math.max(scale, Math.abs(value));
  }
  // A NaN would compare as no distance at all.
  return Number.isNaN(actual.reduce((sum, value) => sum + value, 0)) ? NaN : distance / scale;
}
