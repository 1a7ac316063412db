import { drawKeys } from './repeats.js';
import { CounterRng } from './rng.js';

/** What a mask depends on, and nothing else: so it is the same whichever worker computes it, and in whatever batch. */
export interface DropoutKey {
  readonly seed: number;
  readonly step: number;
  /** The sample's id. */
  readonly sample: string;
  /** How many rows of the batch before it are of the same sample (repeats.ts). */
  readonly repeat: number;
  /** The layer's name. */
  readonly layer: string;
}

/**
 * Fills a row's mask for inverted dropout (torch.nn.Dropout): each value is 0 with the given probability, in [0, 1) and to a resolution
 * of 2^-31, else 1 / (1 - probability) in float32. Values are independent of each other.
 */
export function fillDropoutMask(mask: Float32Array, probability: number, key: DropoutKey): void {
  if (probability === 0) {
    mask.fill(1);
    return;
  }
  const { seed, step, sample, repeat, layer } = key;
  // In place and without a branch, which would take most of the time: words become the bits of 0 or of the scale.
  const words = new Int32Array(mask.buffer, mask.byteOffset, mask.length);
  new CounterRng(seed, 'dropout', step, ...drawKeys(sample, repeat), layer).fillWords(words);
  const scaleBits = new Int32Array(Float32Array.of(1 / (1 - probability)).buffer)[0]!;
  const threshold = Math.round(probability * 2 ** 31);
  for (let i = 0; i < words.length; i += 1) {
    // The sign of threshold - 1 - word tells whether the word is at least the threshold: all ones, or zero.
    words[i] = scaleBits & ((threshold - 1 - (words[i]! >>> 1)) >> 31);
  }
}
