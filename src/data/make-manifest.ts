import type { DataSpec } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import { checkClasses, checkOwnSplits } from './check-classes.js';
import { checkFiles } from './check-files.js';
import { readClassNames } from './class-names.js';
import { checkOwnGroups, makeSamples, splitsOf } from './make-samples.js';
import type { BadFile, Manifest } from './manifest.js';
import { manifestHash } from './manifest-json.js';
import { nothingThere } from './nothing-there.js';
import type { PixelCache } from './pixel-cache.js';
import type { Preprocessing } from './preprocessing.js';
import { listSource } from './sources/list-source.js';
import { badFileLines, byCodeUnits, type Listing, nameOf } from './sources/listing.js';
import { workingSide } from './working-side.js';

/** What is being done: `data`: the source is fetched; `manifest`: its files are checked. */
export interface ManifestProgress {
  readonly what: 'data' | 'manifest';
  readonly message: string;
  readonly done: number;
  /** 0 where it is not known. */
  readonly total: number;
  readonly unit: 'bytes' | 'files';
}

export interface MakeManifestOptions {
  readonly seed: number;
  readonly cacheDir: string;
  /** Is filled with the decoded images, at the working resolution. */
  readonly pixelCache: PixelCache;
  readonly preprocessing: Preprocessing;
  readonly onProgress?: (progress: ManifestProgress) => void;
  /** The data may not be what was meant. */
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** How many bad files a message lists; all of them are in the error's details. */
const numListed = 20;

/**
 * Makes the manifest of a data source: lists it, hashes and decodes every file, decides on bad files, splits. The
 * result depends on the files' contents and names, the seed and the configuration alone. Rejects with an FT_DATA_
 * error, or with the signal's reason.
 */
export async function makeManifest(
  spec: DataSpec,
  options: MakeManifestOptions,
): Promise<{ manifest: Manifest; dataRoot: string }> {
  const { cacheDir, pixelCache, preprocessing, onProgress, signal } = options;
  const decode = {
    workingSide: workingSide(spec.imageSize, spec.augment),
    background: preprocessing.background,
  };
  const listing = await listSource(spec, {
    cacheDir,
    signal,
    onWarning: options.onWarning,
    onProgress: (message, done, total) =>
      onProgress?.({ what: 'data', message, done, total, unit: 'bytes' }),
  });
  // Before the files are read: what is wrong with the layout, or with the groups, shows at once.
  checkClasses(listing, spec.split);
  checkOwnSplits(listing);
  checkOwnGroups(listing, spec);
  splitsOf(listing, spec, options.seed);
  const classNames = await readClassNames(listing.classIds, spec.classNames);

  const total = listing.files.length;
  const reportEvery = Math.max(1, Math.floor(total / 100));
  const verdicts = await checkFiles(
    listing.files.map(({ path }) => path),
    {
      root: listing.root,
      cacheDir,
      pixelCache,
      decode,
      signal,
      onProgress: (done) => {
        if (done % reportEvery !== 0 && done !== total) return;
        onProgress?.({ what: 'manifest', message: 'checking images', done, total, unit: 'files' });
      },
    },
  );
  const skipped = listing.files.flatMap(({ path }, i): BadFile[] => {
    const { reason } = verdicts[i]!;
    return reason === null ? [] : [{ path, reason }];
  });
  const absent = nothingThere(listing, skipped);
  if (absent !== undefined) throw absent;
  if (skipped.length > 0 && spec.onBadFile === 'fail') throw badFiles(listing, skipped);
  const usable = listing.files.flatMap((file, i) => {
    const { sha256, reason } = verdicts[i]!;
    return reason === null ? [{ ...file, sha256 }] : [];
  });
  if (skipped.length > 0) {
    checkClasses({ ...listing, files: usable }, spec.split, skipped.length);
    checkOwnSplits({ ...listing, files: usable });
  }

  const content = {
    classIds: listing.classIds,
    classNames,
    samples: makeSamples({ ...listing, files: usable }, usable, spec, options.seed),
  };
  const bySkippedPath = (a: BadFile, b: BadFile): number => byCodeUnits(a.path, b.path);
  return {
    manifest: { ...content, skipped: skipped.sort(bySkippedPath), hash: manifestHash(content) },
    dataRoot: listing.root,
  };
}

function badFiles(listing: Listing, bad: readonly BadFile[]): FtctlError {
  const lines = badFileLines(listing, bad.slice(0, numListed)).map((line) => `\n  ${line}`);
  const rest = bad.length > numListed ? `\n  and ${bad.length - numListed} more` : '';
  return new FtctlError('FT_DATA_BAD_FILES', {
    what: `${bad.length} of ${listing.files.length} images in ${nameOf(listing)} cannot be used:${lines.join('')}${rest}`,
    ...(listing.manifest === undefined
      ? {}
      : {
          remedy:
            "Correct or remove the rows (a relative path counts from the manifest's folder), repair the files, or set `data.onBadFile: skip` to train without them.",
        }),
    details: { badFiles: bad },
  });
}
