import { stat } from 'node:fs/promises';
import type { DataSpec } from '../../config/run-spec.js';
import { FtctlError } from '../../errors/index.js';
import { fetchNpmPackage, parseNpmReference } from '../../util/npm-package.js';
import { parseGroupBy } from '../group-by.js';
import { type ArchiveProgress, dataInside, fetchArchive, isArchive } from './archive.js';
import { readFailure } from '../../util/read-failure.js';
import { checkLayout } from './check-layout.js';
import { listByRules } from './class-rules.js';
import { listImageFolder } from './image-folder.js';
import type { Listing } from './listing.js';
import { listTableFile } from './table-file.js';

export interface ListSourceOptions {
  readonly cacheDir: string;
  readonly onProgress?: ArchiveProgress;
  /** The data may not be what was meant. */
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lists the images of any data source: `npm:NAME@VERSION` or an archive (fetched and unpacked where it is not yet), or a folder,
 * by a rule file; an image folder; a `.csv` or `.jsonl` manifest.
 */
export async function listSource(spec: DataSpec, options: ListSourceOptions): Promise<Listing> {
  const { source, sha256, within, rules } = spec;
  if (source.startsWith('npm:')) {
    const root = await fetchSource(spec, options);
    if (rules === null) {
      throw new FtctlError('FT_DATA_SOURCE', {
        what: `data.source is ${source} and data.rules is not set.`,
        why: 'A package needs a rule file that says which of its files are images of which class.',
        remedy: 'Set data.rules; configs/emoji-16-classes.yaml explains the format.',
      });
    }
    return await listInCache(root, source, options, () =>
      listByRules(root, rules, groupColumn(spec)),
    );
  }
  if (!source.startsWith('https:')) {
    const isFolder = await isFolderOrFile(source);
    const isManifest = manifestName.test(source);
    if (isFolder || isManifest) {
      const kind = isFolder ? 'folder' : 'manifest';
      refuseUnused({ 'data.sha256': sha256, 'data.within': within }, source, kind);
      return await listPath(source, isFolder, spec, options);
    }
    if (!(await isArchive(source))) {
      throw new FtctlError('FT_DATA_SOURCE', {
        what: `The data source ${source} is neither a manifest (.csv or .jsonl) nor an archive (tar, tar.gz or zip).`,
      });
    }
  } else if (sha256 === null) {
    throw new FtctlError('FT_DATA_SOURCE', {
      what: `data.source is ${source} and data.sha256 is not set.`,
      why: 'An archive is used only if its bytes are the ones that you pinned.',
      remedy: 'Set data.sha256 to what `sha256sum` prints of a download that you trust.',
    });
  }
  const unpacked = await fetchArchive(source, sha256, options);
  const inside = await dataInside(unpacked, within);
  const isFolder = await isFolderOrFile(inside);
  if (!isFolder && !manifestName.test(inside)) {
    throw new FtctlError('FT_DATA_SOURCE', {
      what: `data.within is ${String(within)}, a file that ends neither in .csv nor in .jsonl.`,
    });
  }
  return await listInCache(unpacked, source, options, (onWarning) =>
    listPath(inside, isFolder, spec, { onWarning, archiveRoot: unpacked }),
  );
}

/**
 * Lists what lies in the cache folder `root`, under the name of the source that it came from, in messages too: what the user has to
 * mend is there.
 */
async function listInCache(
  root: string,
  source: string,
  { onWarning }: ListSourceOptions,
  list: (onWarning: (message: string) => void) => Promise<Listing>,
): Promise<Listing> {
  const named = (text: string): string =>
    text.replaceAll(`data.source to ${root}/`, 'data.within to ').replaceAll(root, source);
  try {
    const listing = await list((message) => onWarning?.(named(message)));
    return { ...listing, name: named(listing.manifest ?? listing.root) };
  } catch (error) {
    if (!(error instanceof FtctlError) || !error.message.includes(root)) throw error;
    const { code, message, remedy, details, cause } = error;
    throw new FtctlError(code, {
      ...{ what: named(message), remedy: named(remedy), cause },
      ...(details === undefined ? {} : { details }),
    });
  }
}

const manifestName = /\.(csv|jsonl)$/i;

/** The column that groups are read from, where `groupBy` is one. */
function groupColumn({ split: { groupBy } }: DataSpec): string | null {
  if (groupBy === null) return null;
  const how = parseGroupBy(groupBy);
  return 'column' in how ? how.column : null;
}

async function listPath(
  path: string,
  isFolder: boolean,
  spec: DataSpec,
  {
    onWarning,
    archiveRoot = null,
  }: Pick<ListSourceOptions, 'onWarning'> & { readonly archiveRoot?: string | null },
): Promise<Listing> {
  const { rules } = spec;
  if (isFolder && rules !== null) return await listByRules(path, rules, groupColumn(spec));
  if (isFolder) {
    const listing = await listImageFolder(path);
    const warning = checkLayout(listing);
    if (warning !== null) onWarning?.(warning);
    return listing;
  }
  refuseUnused({ 'data.rules': rules }, path, 'manifest');
  return await listTableFile(path, groupColumn(spec), archiveRoot);
}

async function isFolderOrFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw new FtctlError('FT_DATA_NOT_FOUND', {
        what: `The data source ${path} cannot be used: ${readFailure(error)}.`,
        cause: error,
      });
    },
  );
}

/** What only the file system shows: that a key has no use beside this source. */
function refuseUnused(
  keys: Readonly<Record<string, string | null>>,
  source: string,
  kind: string,
): void {
  const [used] = Object.entries(keys).find(([, value]) => value !== null) ?? [];
  if (used === undefined) return;
  throw new FtctlError('FT_DATA_SOURCE', {
    what: `${used} is set, and the data source ${source} is a ${kind}.`,
    remedy: `Remove ${used}, or name an archive.`,
  });
}

async function fetchSource(spec: DataSpec, options: ListSourceOptions): Promise<string> {
  const reference = parseNpmReference(spec.source);
  if (reference === null) {
    throw new FtctlError('FT_DATA_SOURCE', {
      what: `data.source is ${spec.source}.`,
      why: 'A package is written npm:NAME@VERSION, with a full version such as 1.2.3.',
    });
  }
  if (spec.integrity === null) {
    throw new FtctlError('FT_DATA_SOURCE', {
      what: `data.source is ${spec.source} and data.integrity is not set.`,
      why: 'A package is used only if its bytes are the ones that you pinned.',
      remedy: `Set data.integrity to what \`npm view ${reference.name}@${reference.version} dist.integrity\` prints.`,
    });
  }
  const { name, version } = reference;
  const { cacheDir, signal, onProgress } = options;
  return await fetchNpmPackage({
    ...{ name, version, integrity: spec.integrity, cacheDir, signal },
    onProgress: (message) => onProgress?.(message, 0, 0),
  });
}
