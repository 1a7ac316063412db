import { join } from 'node:path';
import { listAllImages } from '../data/sources/image-folder.js';
import { isFolder } from '../util/is-folder.js';

/**
 * The image files that `paths` name: a folder stands for all images in it, at any depth. A path that is not there stays: it is
 * told as an image that cannot be used. Rejects with FT_DATA_EMPTY for a folder without images.
 */
export async function imagePaths(paths: readonly string[]): Promise<string[]> {
  const images: string[] = [];
  for (const path of paths) {
    if (!(await isFolder(path))) {
      images.push(path);
      continue;
    }
    for (const name of await listAllImages(path)) images.push(join(path, name));
  }
  return images;
}
