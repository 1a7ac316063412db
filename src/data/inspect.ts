import type { DataSpec } from '../config/run-spec.js';
import { type ErrorCode, FtctlError } from '../errors/index.js';
import { checkClasses, checkOwnSplits } from './check-classes.js';
import { readClassNames } from './class-names.js';
import { type Duplicates, findDuplicates } from './duplicates.js';
import { imageFormats, type ImageFormat } from './image-format.js';
import { type GoodFile, inspectFiles } from './inspect-files.js';
import type { ManifestProgress } from './make-manifest.js';
import { checkOwnGroups, splitsOf } from './make-samples.js';
import type { BadFile, SplitName } from './manifest.js';
import { nothingThere } from './nothing-there.js';
import { listSource } from './sources/list-source.js';
import { type Listing, nameOf, placesByClass } from './sources/listing.js';

/** Images by split; null where the data cannot be split. */
export type SplitCounts = Readonly<Record<SplitName, number>> | null;

export interface ClassReport {
  readonly id: string;
  readonly name: string;
  /** That can be used. */
  readonly images: number;
  readonly splits: SplitCounts;
}

/** Least, middle and greatest, in pixels. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** What is in a data source. */
export interface DataReport {
  /** Folder of the images. */
  readonly root: string;
  /** What the data are called: their folder, manifest, archive or package. */
  readonly name: string;
  /** That can be used. */
  readonly images: number;
  readonly bytes: number;
  readonly splits: SplitCounts;
  readonly classes: readonly ClassReport[];
  readonly formats: Readonly<Partial<Record<ImageFormat, number>>>;
  /** `data.imageSize` of the configuration. */
  readonly imageSize: number;
  /** Null where no image can be used. */
  readonly sizes: {
    readonly width: Spread;
    readonly height: Spread;
    /** The five sizes that most images have. */
    readonly common: readonly {
      readonly width: number;
      readonly height: number;
      readonly images: number;
    }[];
    /** Images whose shorter side is below `imageSize`: they are enlarged. */
    readonly belowImageSize: number;
  } | null;
  readonly badFiles: readonly BadFile[];
  readonly duplicates: Duplicates;
  /** What would keep a run from starting. */
  readonly problems: readonly {
    readonly code: ErrorCode;
    readonly message: string;
    readonly remedy: string;
  }[];
}

export interface InspectOptions {
  readonly seed: number;
  readonly cacheDir: string;
  readonly onProgress?: (progress: ManifestProgress) => void;
  readonly signal?: AbortSignal;
}

const numCommon = 5;

/**
 * Reads every image of a data source and says what is there. Files that cannot be used, and all else that would keep a run from
 * starting, are part of the report. Splits are those of a run with this seed. Rejects where the source cannot be listed.
 */
export async function inspectData(spec: DataSpec, options: InspectOptions): Promise<DataReport> {
  const { seed, cacheDir, onProgress, signal } = options;
  const listing = await listSource(spec, {
    ...{ cacheDir, signal },
    onProgress: (message, done, total) =>
      onProgress?.({ what: 'data', message, done, total, unit: 'bytes' }),
  });
  const total = listing.files.length;
  const found = await inspectFiles(
    listing.root,
    listing.files.map(({ path }) => path),
    {
      signal,
      onProgress: (done) =>
        onProgress?.({ what: 'manifest', message: 'reading images', done, total, unit: 'files' }),
    },
  );
  const good: GoodFile[] = [];
  const badFiles: BadFile[] = [];
  const files = listing.files.filter(({ path }, i) => {
    const file = found[i]!;
    if (file.reason === undefined) good.push(file);
    else badFiles.push({ path, reason: file.reason });
    return file.reason === undefined;
  });
  const usable: Listing = { ...listing, files };

  const problems = new Problems();
  const absent = nothingThere(listing, badFiles);
  if (absent === undefined && badFiles.length > 0 && spec.onBadFile === 'fail') {
    problems.add(
      new FtctlError('FT_DATA_BAD_FILES', {
        what: `${badFiles.length} of ${total} images in ${nameOf(listing)} cannot be used, and data.onBadFile is fail.`,
      }),
    );
  }
  const splits = problems.collect(() => {
    if (absent !== undefined) throw absent;
    checkClasses(usable, spec.split, badFiles.length);
    checkOwnSplits(usable);
    checkOwnGroups(usable, spec);
    return splitsOf(usable, spec, seed);
  });
  const names = await readClassNames(listing.classIds, spec.classNames).catch((error: unknown) => {
    problems.add(error);
    return listing.classIds;
  });
  const placesOf = placesByClass(files);
  return {
    ...{ root: listing.root, name: nameOf(listing) },
    images: files.length,
    bytes: good.reduce((sum, { numBytes }) => sum + numBytes, 0),
    splits: splits === null ? null : countSplits(splits),
    classes: listing.classIds.map((id, k) => {
      const places = placesOf.get(id) ?? [];
      return {
        ...{ id, name: names[k]!, images: places.length },
        splits: splits === null ? null : countSplits(places.map((i) => splits[i]!)),
      };
    }),
    formats: countFormats(good),
    imageSize: spec.imageSize,
    sizes: good.length === 0 ? null : sizesOf(good, spec.imageSize),
    badFiles,
    duplicates: findDuplicates(
      good.map(({ sha256, pixelHash }, i) => {
        const { path, classId } = files[i]!;
        return { path, class: classId, split: splits?.[i] ?? null, sha256, pixelHash };
      }),
    ),
    problems: problems.list,
  };
}

/** What a run would refuse; anything else is thrown on. */
class Problems {
  readonly list: DataReport['problems'][number][] = [];

  add(error: unknown): void {
    if (!(error instanceof FtctlError)) throw error;
    const { code, message, remedy } = error;
    this.list.push({ code, message, remedy });
  }

  collect<T>(work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      this.add(error);
      return null;
    }
  }
}

function countSplits(splits: readonly SplitName[]): Record<SplitName, number> {
  const counts = { train: 0, val: 0, test: 0 };
  for (const split of splits) counts[split] += 1;
  return counts;
}

function countFormats(files: readonly GoodFile[]): DataReport['formats'] {
  return Object.fromEntries(
    imageFormats
      .map((format) => [format, files.filter((file) => file.format === format).length] as const)
      .filter(([, count]) => count > 0),
  );
}

function sizesOf(files: readonly GoodFile[], imageSize: number): DataReport['sizes'] {
  const counts = new Map<string, number>();
  for (const { width, height } of files) {
    const size = `${width}x${height}`;
    counts.set(size, (counts.get(size) ?? 0) + 1);
  }
  const common = [...counts]
    .map(([size, images]) => {
      const [width, height] = size.split('x').map(Number) as [number, number];
      return { width, height, images };
    })
    .sort((a, b) => b.images - a.images || a.width - b.width || a.height - b.height);
  return {
    width: spreadOf(files.map(({ width }) => width)),
    height: spreadOf(files.map(({ height }) => height)),
    common: common.slice(0, numCommon),
    belowImageSize: files.filter(({ width, height }) => Math.min(width, height) < imageSize).length,
  };
}

/** The median of an even number of values is the lower one of the middle two. */
function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    min: sorted[0]!,
    median: sorted[Math.floor((sorted.length - 1) / 2)]!,
    max: sorted.at(-1)!,
  };
}
