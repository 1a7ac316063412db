import { stat } from 'node:fs/promises';
import type { DataSpec } from '../../config/run-spec.js';
import { FtctlError } from '../../errors/index.js';
import { fetchNpmPackage, parseNpmReference } from '../../util/npm-package.js';
import { readFailure } from '../../util/read-failure.js';
import { checkLayout } from './check-layout.js';
import { listByRules } from './class-rules.js';
import { listImageFolder } from './image-folder.js';
import type { Listing } from './listing.js';
import { listTableFile } from './table-file.js';

export interface ListSourceOptions {
  readonly cacheDir: string;
  readonly onProgress?: (message: string) => void;
  /** The data may not be what was meant. */
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lists the images of any data source: `npm:NAME@VERSION` (fetched where it is not yet) or a folder, by a rule file;
 * an image folder; a `.csv` or `.jsonl` manifest.
 */
export async function listSource(spec: DataSpec, options: ListSourceOptions): Promise<Listing> {
  const { source, rules } = spec;
  if (source.startsWith('npm:')) {
    const root = await fetchSource(spec, options);
    if (rules === null) {
      throw new FtctlError('FT_DATA_SOURCE', {
        what: `data.source is ${source} and data.rules is not set.`,
        why: 'A package needs a rule file that says which of its files are images of which class.',
        remedy: 'Set data.rules; configs/emoji-16-classes.yaml explains the format.',
      });
    }
    return listByRules(root, rules);
  }
  const isFolder = await stat(source).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw new FtctlError('FT_DATA_NOT_FOUND', {
        what: `The data source ${source} cannot be used: ${readFailure(error)}.`,
        cause: error,
      });
    },
  );
  if (isFolder && rules !== null) return listByRules(source, rules);
  if (isFolder) {
    const listing = await listImageFolder(source);
    const warning = checkLayout(listing);
    if (warning !== null) options.onWarning?.(warning);
    return listing;
  }
  if (/\.(csv|jsonl)$/i.test(source)) return listTableFile(source);
  throw new FtctlError('FT_DATA_SOURCE', {
    what: `The data source ${source} is a file that ends neither in .csv nor in .jsonl.`,
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
  return fetchNpmPackage({ name, version, integrity: spec.integrity, ...options });
}
