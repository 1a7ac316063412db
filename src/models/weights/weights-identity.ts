import { stat } from 'node:fs/promises';
import { tfjsPaths } from './tfjs/tfjs-files.js';
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

/** The file beside an ONNX model that PyTorch's exporter puts its values in. */
async function externalIdentity(path: string): Promise<string[] | null> {
  return fileIdentity(`${path}.data`).catch(() => null);
}

/**
 * What identifies weights without reading them: the pinned hash of a package or download; a file's path, size, inode and
 * times; the seed of random ones. Rejects with FT_WEIGHTS_NOT_FOUND.
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
