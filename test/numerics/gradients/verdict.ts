import type { Distances, OwnErrors } from './judge.js';

/** Largest distance of a tensor from PyTorch's float64, relative to its largest magnitude. */
const tolerance = 1e-4;
/** And in units of the distance of PyTorch's own float32, which counts as at least `ownFloor`. */
const maxTimesOwn = 4;
const ownFloor = 1e-6;
/**
 * PyTorch's float32 is so far off only where rounding takes a value across a kink (of a rectifier or a maximum) in one of its two
 * computations: then the draw says nothing of ours.
 */
const maxOwn = 6e-5;
/**
 * Below this part of a shard's largest gradient, float64's too is nothing but rounding: a bias before a batch norm that takes the
 * mean away. Such a tensor is to be zero, within the rounding of the others.
 */
const zeroPart = 1e-10;

/** What is wrong with one tensor of one shard. */
export interface Failure {
  readonly name: string;
  readonly shard: string;
  /** Relative distances. */
  readonly ours: number;
  readonly pytorch: number;
}

function* judgedTensors(own: OwnErrors) {
  for (const [name, shards] of Object.entries(own)) {
    for (const [shard, [distance, largest]] of Object.entries(shards)) {
      yield { name, shard, distance, largest };
    }
  }
}

/** The largest magnitude among a shard's gradients. */
function largestOf(own: OwnErrors): Map<string, number> {
  const largest = new Map<string, number>();
  for (const { name, shard, largest: one } of judgedTensors(own)) {
    if (name.startsWith('gradient/')) largest.set(shard, Math.max(largest.get(shard) ?? 0, one));
  }
  return largest;
}

/** Whether PyTorch agrees with itself, so that it can judge. */
export function isUsable(own: OwnErrors): boolean {
  const scale = largestOf(own);
  return [...judgedTensors(own)].every(
    ({ shard, distance, largest }) =>
      largest <= zeroPart * scale.get(shard)! || distance <= maxOwn * largest,
  );
}

/** The tensors that are further from PyTorch's float64 than they may be, the worst first; and the largest relative distances. */
export function judge(own: OwnErrors, ours: Distances) {
  const scale = largestOf(own);
  const failures: Failure[] = [];
  let worst = 0;
  let worstTimesOwn = 0;
  for (const { name, shard, distance, largest } of judgedTensors(own)) {
    const isZero = largest <= zeroPart * scale.get(shard)!;
    const unit = isZero ? scale.get(shard)! : largest;
    const pytorch = distance / unit;
    const relative = ours[name]![shard]! / unit;
    const timesOwn = relative / Math.max(pytorch, ownFloor);
    worst = Math.max(worst, relative);
    worstTimesOwn = Math.max(worstTimesOwn, timesOwn);
    if (!(relative <= tolerance && timesOwn <= maxTimesOwn)) {
      failures.push({ name, shard, ours: relative, pytorch });
    }
  }
  return { failures: failures.sort((a, b) => b.ours - a.ours), worst, worstTimesOwn };
}
