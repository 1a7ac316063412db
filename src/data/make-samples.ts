import type { DataSpec } from '../config/run-spec.js';
import { checkGroups, groupsOf } from './group-by.js';
import { assignGroupSplits } from './group-split.js';
import type { Sample, SplitName } from './manifest.js';
import { byCodeUnits, type Listing } from './sources/listing.js';
import { assignSplits } from './split.js';

/**
 * The split of each file of a listing, in order: the source's own, or drawn, by groups where `groupBy` says so. Throws
 * FT_DATA_GROUP_BY or FT_DATA_GROUPS_TOO_FEW.
 */
export function splitsOf(
  listing: Listing,
  { split }: Pick<DataSpec, 'split'>,
  seed: number,
): SplitName[] {
  const { files, classIds } = listing;
  const own = files.map((file) => file.split);
  if (own.every((name) => name !== null)) return own;
  const labels = labelsOf(listing);
  const items = files.map(({ path, classId }) => ({ id: path, label: labels.get(classId)! }));
  if (split.groupBy === null) return assignSplits(items, split, classIds.length, seed);
  const groups = groupsOf(listing, split.groupBy);
  const grouped = items.map((item, i) => ({ ...item, group: groups[i]! }));
  return assignGroupSplits(grouped, split, classIds.length, seed);
}

/** Where the source brings its own splits, none tears a group. Throws FT_DATA_GROUP_BY or FT_DATA_GROUP_LEAK. */
export function checkOwnGroups(listing: Listing, { split }: Pick<DataSpec, 'split'>): void {
  if (split.groupBy !== null) checkGroups(listing, groupsOf(listing, split.groupBy));
}

/** A manifest's samples, sorted by id; `hashes` has each file's, in order. Throws as {@link splitsOf} does. */
export function makeSamples(
  listing: Listing,
  hashes: readonly { readonly sha256: string }[],
  spec: Pick<DataSpec, 'split'>,
  seed: number,
): Sample[] {
  const labels = labelsOf(listing);
  const splits = splitsOf(listing, spec, seed);
  return listing.files
    .map(({ path, classId }, i) => ({
      id: path,
      path,
      label: labels.get(classId)!,
      split: splits[i]!,
      sha256: hashes[i]!.sha256,
    }))
    .sort((a, b) => byCodeUnits(a.id, b.id));
}

/** Each class's place in the order of labels. */
export function labelsOf({ classIds }: Listing): Map<string, number> {
  return new Map(classIds.map((classId, label) => [classId, label]));
}
