import type { PhaseSpec } from '../config/phase-spec.js';

/*
 * Clipping of the mean gradient, in parts that can be computed by different threads: the squares of each block are summed by whoever
 * has it, the sums of all blocks are added in order, and each element is limited by itself. The gradient is finite.
 */

const f32 = Math.fround;

/** Elements of one partial sum of squares. A fixed number, so that the norm has the same bits whoever sums which block. */
export const normBlockLength = 65_536;

/**
 * The sum of squares of one block, the elements from `from` to before `to`. Squares of float32 values are exact in a double. Four sums run side by
 * side, element k going to sum k mod 4, so that a kernel of two lanes of doubles has the same additions.
 */
export function sumOfSquares(gradients: Float32Array, from: number, to: number): number {
  const sums = new Float64Array(4);
  for (let i = from; i < to; i += 1) {
    const gradient = gradients[i]!;
    const lane = (i - from) & 3;
    sums[lane] = sums[lane]! + gradient * gradient;
  }
  return sums[0]! + sums[1]! + (sums[2]! + sums[3]!);
}

/** The Euclidean norm of a whole gradient. */
export function gradientNorm(gradients: Float32Array): number {
  const blocks: number[] = [];
  for (let from = 0; from < gradients.length; from += normBlockLength) {
    const to = Math.min(from + normBlockLength, gradients.length);
    blocks.push(sumOfSquares(gradients, from, to));
  }
  return normOfBlocks(blocks);
}

/** The norm, from the sums of squares of all blocks in order. */
export function normOfBlocks(sumsOfSquares: readonly number[]): number {
  return Math.sqrt(sumsOfSquares.reduce((sum, block) => sum + block, 0));
}

/** What each element of a gradient is multiplied by, and then limited to: [-limit, limit]. Float32 values. */
export interface ClipScalars {
  /** At most 1; 1 changes nothing. */
  readonly scale: number;
  /** Infinity: no limit. */
  readonly limit: number;
}

/**
 * `totalNorm`: of the mean gradient of all of a phase's parameters; any number where `clip.norm` is null. The scale is that of
 * torch.nn.utils.clip_grad_norm_ (`max_norm / (total_norm + 1e-6)`, at most 1, in float32, where a number over a tensor is the number
 * times the tensor's reciprocal).
 */
export function clipScalars(clip: PhaseSpec['clip'], totalNorm: number): ClipScalars {
  const scale =
    clip.norm === null
      ? 1
      : Math.min(1, f32(f32(clip.norm) * f32(1 / f32(f32(totalNorm) + f32(1e-6)))));
  return { scale, limit: clip.value === null ? Infinity : f32(clip.value) };
}

/** Limits a whole mean gradient in place. Nothing is done, nor its norm taken, where there is no limit. */
export function clipGradients(gradients: Float32Array, clip: PhaseSpec['clip']): void {
  if (clip.norm === null && clip.value === null) return;
  const norm = clip.norm === null ? 0 : gradientNorm(gradients);
  clipRange(gradients, 0, gradients.length, clipScalars(clip, norm));
}

/** Limits the elements from `from` to before `to`, in place: first the scale, then torch.nn.utils.clip_grad_value_. */
export function clipRange(
  gradients: Float32Array,
  from: number,
  to: number,
  { scale, limit }: ClipScalars,
): void {
  for (let i = from; i < to; i += 1) {
    gradients[i] = Math.max(-limit, Math.min(limit, f32(gradients[i]! * scale)));
  }
}
