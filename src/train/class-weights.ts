import type { PhaseSpec } from '../config/phase-spec.js';
import type { Manifest } from '../data/manifest.js';

/**
 * Weight of each class in the loss [K]; null: all 1. `balanced` is scikit-learn's `compute_class_weight('balanced')` on the training split:
 * n / (K * n_c) for n samples, n_c of them of class c. By name, a class that is not named has 1. The names were compared with the data
 * before (config/phase-data-checks.ts), and every class has training samples (data/check-classes.ts): else a RangeError.
 */
export function classWeightsOf(
  setting: PhaseSpec['classWeights'],
  { classNames, samples }: Pick<Manifest, 'classNames' | 'samples'>,
): Float32Array | null {
  if (setting === 'none') return null;
  if (setting !== 'balanced') {
    const byName = new Map(Object.entries(setting));
    return Float32Array.from(classNames, (name) => byName.get(name) ?? 1);
  }
  const counts = new Int32Array(classNames.length);
  for (const { split, label } of samples) if (split === 'train') counts[label]! += 1;
  const numSamples = counts.reduce((sum, count) => sum + count, 0);
  return Float32Array.from(counts, (count, label) => {
    if (count === 0) throw new RangeError(`Class ${classNames[label]!} has no training samples.`);
    return numSamples / (counts.length * count);
  });
}
