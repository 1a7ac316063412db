import type { Manifest, SplitName } from '../../../src/data/manifest.js';

/** A manifest of `sizes[label]` samples of each label and split, with ids that sort differently from labels. */
export function testManifest(sizes: Partial<Record<SplitName, readonly number[]>>): Manifest {
  const samples = Object.entries(sizes).flatMap(([split, counts]) =>
    counts.flatMap((count, label) =>
      Array.from({ length: count }, (_, i) => {
        const id = `${(i * 7919) % 1009}/${split}-${label}-${i}.png`;
        return { id, path: id, label, split: split as SplitName, sha256: '' };
      }),
    ),
  );
  samples.sort((a, b) => (a.id < b.id ? -1 : 1));
  const numClasses = Math.max(...Object.values(sizes).map((counts) => counts.length));
  const classNames = Array.from({ length: numClasses }, (_, label) => `class-${label}`);
  const classIds = classNames.map((_, label) => `${label + 1}`);
  return { classIds, classNames, samples, skipped: [], hash: '' };
}
