import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FtctlError } from '../../errors/index.js';
import { externalLocations } from '../onnx/external-locations.js';
import { isBeside } from './files-beside.js';
import { FormatError } from './format-error.js';
import { isOnnx } from './onnx-initializers.js';
import { tfjsPaths } from './tfjs/tfjs-files.js';
import { readWeightsFile, startOfWeightsFile } from './weights-file.js';
import { weightsNotFound } from './weights-not-found.js';
import type { WeightsSource } from './weights-source.js';

/** A file that is replaced or written to changes at least one of these. */
async function fileIdentity(path: string): Promise<string[]> {
  try {
    const { size, ino, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [size, ino, mtimeNs, ctimeNs].map(String);
  } catch (error) {
    throw weightsNotFound(path, error);
  }
}

/** The files that an ONNX model has its values in, by name; null: one that is not there. Empty for other formats. */
async function externalIdentity(path: string): Promise<[string, string[] | null][]> {
  if (!isOnnx(await startOfWeightsFile(path, 2))) return [];
  const locations = await readWeightsFile(path).then(externalLocations).catch(ignoreDamage);
  return Promise.all(
    locations
      .filter(isBeside)
      .sort()
      .map(async (name): Promise<[string, string[] | null]> => [
        name,
        await fileIdentity(join(dirname(path), name)).catch(() => null),
      ]),
  );
}

/** What is damaged is refused when it is loaded, and nothing is kept of it. */
function ignoreDamage(error: unknown): string[] {
  if (error instanceof FormatError || FtctlError.from(error).code === 'FT_WEIGHTS_DAMAGED')
    return [];
  throw error;
}

/**
 * What identifies weights, of which no more is read than which files they are in: the pinned hash of a package or download;
 * a file's path, and its size, inode and times, and those of all files that it names; the seed of random ones. Rejects with FT_WEIGHTS_NOT_FOUND.
 */
export async function weightsIdentity(source: WeightsSource, seed: number): Promise<unknown> {
  switch (source.type) {
    case 'random':
      return { random: seed };
    case 'nsfwjs':
      return { npm: source.name, integrity: source.integrity, model: source.model };
    case 'npm':
      return { npm: source.name, integrity: source.integrity, file: source.file };
    case 'url':
      return { url: source.url, ...source.expected };
    case 'tfjs': {
      const paths = await tfjsPaths(source.path);
      return { file: source.path, stat: await Promise.all(paths.map(fileIdentity)) };
    }
    case 'file': {
      const [own, external] = await Promise.all([
        fileIdentity(source.path),
        externalIdentity(source.path),
      ]);
      return { file: source.path, stat: own, external };
    }
  }
}
