import { FtctlError } from '../errors/index.js';
import type { SplitName } from './manifest.js';
import { enumerate, type ListedFile, type Listing, nameOf } from './sources/listing.js';

/** How `data.split.groupBy` is read. */
export type GroupBy = { readonly column: string } | { readonly pattern: RegExp };

/** Reads a checked `data.split.groupBy`: `/REGEX/`, else the name of a column. */
export function parseGroupBy(groupBy: string): GroupBy {
  return groupBy.startsWith('/')
    ? { pattern: new RegExp(groupBy.slice(1, -1), 'u') }
    : { column: groupBy };
}

/**
 * The group of each file, in order: the value of its column, which the source has read; or what the pattern's first pair of
 * parentheses (else the whole pattern) finds in its path. Throws FT_DATA_GROUP_BY where a file has none.
 */
export function groupsOf(listing: Listing, groupBy: string): string[] {
  const { files } = listing;
  const how = parseGroupBy(groupBy);
  const found = files.map((file) => groupOf(file, how));
  const without = files.filter((_, i) => found[i] === undefined).map(({ path }) => path);
  if (without.length > 0) {
    throw new FtctlError('FT_DATA_GROUP_BY', {
      what:
        'column' in how
          ? `data.split.groupBy is ${groupBy}, and ${nameOf(listing)} has no columns.`
          : `data.split.groupBy is ${groupBy}, which finds nothing in ${without.length} of ${files.length} paths: ${enumerate(without)}.`,
      ...('column' in how
        ? { why: 'A .csv or .jsonl manifest has columns, and the table of a rule file.' }
        : {}),
      details: { without: without.slice(0, 100) },
    });
  }
  return found as string[];
}

function groupOf({ path, group }: ListedFile, how: GroupBy): string | undefined {
  if ('column' in how) return group;
  const match = how.pattern.exec(path);
  return match === null ? undefined : (match[1] ?? match[0]);
}

/** Of a source that brings its own splits: no group is in two of them. Throws FT_DATA_GROUP_LEAK. */
export function checkGroups(listing: Listing, groups: readonly string[]): void {
  const { files } = listing;
  const splits = new Map<string, Set<SplitName>>();
  files.forEach(({ split }, i) => {
    if (split === null) return;
    const found = splits.get(groups[i]!) ?? new Set();
    splits.set(groups[i]!, found.add(split));
  });
  const torn = [...splits].filter(([, found]) => found.size > 1).map(([group]) => group);
  if (torn.length === 0) return;
  throw new FtctlError('FT_DATA_GROUP_LEAK', {
    what: `${nameOf(listing)} brings its own splits, and ${torn.length} of ${splits.size} groups are in more than one of them: ${enumerate(torn)}.`,
    why: 'What is learned of a group in train would be recognised in val and test.',
    details: { groups: torn },
  });
}
