import { join } from 'node:path';
import { listAllImages } from '../data/sources/image-folder.js';
import { FtctlError } from '../errors/index.js';
import { isFolder } from '../util/is-folder.js';

/** An image file, or a folder that gives none and why. */
export interface NamedImage {
  readonly path: string;
  readonly error?: FtctlError;
}

/**
 * The image files that `paths` name: a folder stands for all images in it, at any depth, and one without images, or that cannot be
 * listed, has its error in its place. A path that is not there stays: it is told as an image that cannot be used.
 */
export async function imagePaths(paths: readonly string[]): Promise<NamedImage[]> {
  const images: NamedImage[] = [];
  for (const path of paths) {
    if (!(await isFolder(path))) {
      images.push({ path });
      continue;
    }
    try {
      const names = await listAllImages(path);
      images.push(...names.map((name) => ({ path: join(path, name) })));
    } catch (error) {
      if (!(error instanceof FtctlError)) throw error;
      images.push({ path, error });
    }
  }
  return images;
}
