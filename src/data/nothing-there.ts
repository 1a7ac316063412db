import { dirname, resolve } from 'node:path';
import { FtctlError } from '../errors/index.js';
import { notThere } from '../util/read-failure.js';
import type { BadFile } from './manifest.js';
import { type Listing, nameOf } from './sources/listing.js';

/**
 * The error of a manifest of which no path exists: they are meant to count from elsewhere. Undefined for other listings. `bad`: the
 * files that cannot be used.
 */
export function nothingThere(listing: Listing, bad: readonly BadFile[]): FtctlError | undefined {
  const { root, manifest, files } = listing;
  if (manifest === undefined || bad.length < files.length) return undefined;
  if (bad.some(({ reason }) => reason !== notThere)) return undefined;
  const [first] = files;
  const count = files.length === 1 ? 'The one path' : `None of the ${files.length} paths`;
  return new FtctlError('FT_DATA_NOT_FOUND', {
    what: `${count} in ${nameOf(listing)} ${files.length === 1 ? 'does not exist' : 'exists'}.`,
    why: `A relative path counts from the manifest's folder, ${dirname(nameOf(listing))}: the first is ${first!.path}.`,
    remedy: 'Correct the paths, or move the manifest to the folder that they count from.',
    details: { manifest, first: resolve(root, first!.path) },
  });
}
