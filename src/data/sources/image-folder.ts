import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FtctlError } from '../../errors/index.js';
import { readFailure } from '../../util/read-failure.js';
import { byCodeUnits, enumerate, type ListedFile, type Listing } from './listing.js';
import { splitOf } from './split-names.js';

/**
 * What counts as an image. Formats that ftctl does not read are listed too, so that they are reported as files that
 * cannot be used and not passed over in silence; anything else (a README, a thumbnail index) is no image.
 */
const imagePattern = /\.(png|jpe?g|webp|gif|bmp|tiff?|svg|heic|heif|avif|jp2|jxl|p[bgp]m)$/i;

/**
 * Lists an image folder: `root/CLASS/**` or `root/{train,val,test}/CLASS/**` (`valid` and `validation` are `val`). The second form is
 * recognised by a folder `train` that has folders in it. Hidden files and folders are ignored, links are followed.
 * Rejects with FT_DATA_EMPTY, FT_DATA_SPLIT, FT_DATA_LINK_LOOP or FT_DATA_NOT_FOUND.
 */
export async function listImageFolder(root: string): Promise<Listing> {
  const top = await readFolder(root);
  const isSplit =
    top.folders.includes('train') && (await readFolder(join(root, 'train'))).folders.length > 0;
  const parts = isSplit
    ? checkSplitFolders(root, top.folders).map((name) => ({
        prefix: `${name}/`,
        split: splitOf(name)!,
      }))
    : [{ prefix: '', split: null }];

  const files: ListedFile[] = [];
  const classIds = new Set<string>();
  for (const { prefix, split } of parts) {
    const { folders } = await readFolder(join(root, prefix));
    for (const classId of folders) {
      classIds.add(classId);
      for (const path of await listImages(root, prefix + classId, [])) {
        files.push({ path, classId, split });
      }
    }
  }
  if (files.length === 0) throw noImages(root, top);
  return { root, files, classIds: [...classIds].sort(byCodeUnits) };
}

/** All images in a folder and those below, relative to it, whatever the folders mean. Rejects as {@link listImageFolder} does. */
export async function listAllImages(root: string): Promise<string[]> {
  await readFolder(root);
  const listed = await listImages(root, '.', []);
  const found = listed.map((path) => path.slice('./'.length)).sort(byCodeUnits);
  if (found.length > 0) return found;
  throw new FtctlError('FT_DATA_EMPTY', {
    what: `${root} has no images.`,
    remedy: 'Name a folder with images in it, or in folders in it.',
  });
}

function noImages(root: string, top: FolderContent): FtctlError {
  const loose = top.files.filter((name) => imagePattern.test(name)).length;
  return new FtctlError('FT_DATA_EMPTY', {
    what: `${root} has no images in class folders.`,
    ...(loose === 0
      ? {}
      : { why: `It has ${loose} images itself, of which nobody knows the class.` }),
  });
}

function checkSplitFolders(root: string, folders: readonly string[]): string[] {
  const others = folders.filter((name) => splitOf(name) === undefined);
  if (others.length > 0) {
    throw new FtctlError('FT_DATA_SPLIT', {
      what: `${root} has a folder train with folders in it, and beside it ${enumerate(others)}.`,
      why: 'A data folder holds either class folders, or train, val (or valid, validation) and test.',
      remedy: 'Move the other folders away; if `train` is a class, put its images directly in it.',
    });
  }
  const vals = folders.filter((name) => splitOf(name) === 'val');
  if (vals.length > 1) {
    throw new FtctlError('FT_DATA_SPLIT', {
      what: `${root} has ${vals.join(' and ')}.`,
      why: 'Each of these names means the split that the best epoch is chosen on.',
      remedy: 'Keep one of them.',
    });
  }
  return [...folders];
}

/** All images below `path` (relative to `root`), relative to `root`. `above`: identities of the folders above. */
async function listImages(root: string, path: string, above: readonly string[]): Promise<string[]> {
  const folder = join(root, path);
  const { dev, ino } = await stat(folder, { bigint: true });
  const identity = `${dev}:${ino}`;
  if (above.includes(identity)) {
    throw new FtctlError('FT_DATA_LINK_LOOP', {
      what: `${folder} is a link to a folder that contains it.`,
      details: { path: folder },
    });
  }
  const { files, folders } = await readFolder(folder);
  const found = files.filter((name) => imagePattern.test(name)).map((name) => `${path}/${name}`);
  for (const name of folders) {
    found.push(...(await listImages(root, `${path}/${name}`, [...above, identity])));
  }
  return found;
}

interface FolderContent {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

async function readFolder(folder: string): Promise<FolderContent> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const files: string[] = [];
    const folders: string[] = [];
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const isFolder = entry.isSymbolicLink()
        ? await stat(join(folder, entry.name)).then(
            (target) => target.isDirectory(),
            () => false, // A broken link with an image's name is reported with the files that cannot be used.
          )
        : entry.isDirectory();
      (isFolder ? folders : files).push(entry.name);
    }
    return { files: files.sort(byCodeUnits), folders: folders.sort(byCodeUnits) };
  } catch (error) {
    throw new FtctlError('FT_DATA_NOT_FOUND', {
      what: `The data folder ${folder} cannot be listed: ${readFailure(error)}.`,
      cause: error,
    });
  }
}
