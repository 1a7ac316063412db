import { join } from 'node:path';
import { FtctlError } from '../../errors/index.js';
import { enumerate, type Listing } from './listing.js';
import { splitOf } from './split-names.js';

/** A folder as the listed images show it: folders without images are not there. */
interface Folder {
  numImages: number;
  readonly folders: Map<string, Folder>;
}

/** What people call their splits; only those of `splitOf` are taken for splits. */
const likeSplit =
  /^(train|training|val|valid|validation|dev|eval|evaluation|test|testing)([ _-]?(set|data|images))?$/i;

/**
 * Looks for the folder that was meant where an image folder seems to be one level too high, so that its classes would be
 * data sets or splits. Throws FT_DATA_LAYOUT where that is certain, or FT_DATA_ONE_CLASS with the folder to use instead.
 * Returns a warning where class folders have all their images in deeper folders, which may be meant; else null.
 */
export function checkLayout({ root, files }: Listing): string | null {
  const tree = treeOf(files.map(({ path }) => path));
  if (files.some(({ split }) => split !== null)) {
    const train = tree.folders.get('train');
    return train === undefined
      ? null
      : deepClasses(join(root, 'train'), train, () => 'move them up into train and val');
  }
  refuseSplitNames(root, tree);
  refuseDataSets(root, tree);
  refuseOnlyFolder(root, tree);
  return deepClasses(root, tree, (name) => `set data.source to ${join(root, name)}`);
}

function treeOf(paths: readonly string[]): Folder {
  const tree: Folder = { numImages: 0, folders: new Map() };
  for (const path of paths) {
    let folder = tree;
    for (const name of path.split('/').slice(0, -1)) {
      let inner = folder.folders.get(name);
      if (inner === undefined) {
        inner = { numImages: 0, folders: new Map() };
        folder.folders.set(name, inner);
      }
      folder = inner;
    }
    folder.numImages += 1;
  }
  return tree;
}

/** `Training/CLASS`, `Test/CLASS`: splits, by names that ftctl does not take for splits. */
function refuseSplitNames(root: string, { folders }: Folder): void {
  const names = [...folders.keys()];
  if (!names.every((name) => likeSplit.test(name))) return;
  if (![...folders.values()].every(holdsFoldersAlone)) return;
  throw new FtctlError('FT_DATA_LAYOUT', {
    what: `${root} has the folders ${enumerate(names)}, each with folders in it.`,
    why: 'They look like splits, which are called train, val (or valid, validation) and test; by other names they would be the classes.',
    remedy: 'Rename them: train and val have to be there, test may be.',
    details: { folders: names },
  });
}

/** `DATASET/{train,val}/CLASS`: a folder of data sets. */
function refuseDataSets(root: string, { folders }: Folder): void {
  const meant: string[] = [];
  for (const [name, folder] of folders) {
    const path = splitsBelow(join(root, name), folder);
    if (path !== null) meant.push(path);
    else if (folder.numImages > 0) return; // a class, so the others may be classes too
  }
  const [first] = meant;
  if (first === undefined) return;
  throw new FtctlError('FT_DATA_LAYOUT', {
    what: `${first} has folders for splits with class folders in them, and data.source is ${root}.`,
    why: `The classes would be ${enumerate([...folders.keys()])}.`,
    remedy: `Set data.source to ${first}${meant.length > 1 ? `, or to another of ${enumerate(meant)}` : ''}.`,
    details: { meant },
  });
}

/** `ONLY/CLASS`: no classifier can be trained on one class, and the folder below has several. */
function refuseOnlyFolder(root: string, { folders }: Folder): void {
  const [only, ...others] = folders;
  if (only === undefined || others.length > 0) return;
  let [path, folder] = [join(root, only[0]), only[1]];
  while (holdsFoldersAlone(folder) && folder.folders.size === 1) {
    const [name, inner] = [...folder.folders][0]!;
    [path, folder] = [join(path, name), inner];
  }
  if (!holdsFoldersAlone(folder)) return;
  throw new FtctlError('FT_DATA_ONE_CLASS', {
    what: `${root} has one class only: ${only[0]}.`,
    why: `Its images are in ${folder.folders.size} folders of ${path}: ${enumerate([...folder.folders.keys()])}.`,
    remedy: `If these are the classes, set data.source to ${path}.`,
    details: { meant: [path] },
  });
}

/** Class folders with folders alone, several each, may be meant (sessions, sources), or be a level too high. */
function deepClasses(
  root: string,
  { folders }: Folder,
  remedy: (firstClass: string) => string,
): string | null {
  const classes = [...folders];
  if (classes.length === 0) return null;
  if (!classes.every(([, folder]) => holdsFoldersAlone(folder) && folder.folders.size > 1)) {
    return null;
  }
  const [name, first] = classes[0]!;
  const below = [...first.folders.keys()];
  const names = enumerate(classes.map(([each]) => each));
  const start = `The classes are the folders of ${root} (${names}), though none has images of its own: all are in deeper folders`;
  return below.every(isSplit)
    ? `${start} (${enumerate(below)}), which are not taken for splits. Splits stand above classes: train/${name}, val/${name}.`
    : `${start}, such as ${enumerate(below.map((each) => `${name}/${each}`))}. If those are the classes, ${remedy(name)}.`;
}

function isSplit(name: string): boolean {
  return splitOf(name) !== undefined;
}

function holdsFoldersAlone({ numImages, folders }: Folder): boolean {
  return numImages === 0 && folders.size > 0;
}

/** The folder at `path`, or below it if it has one folder alone, that has `train` and other splits with class folders. */
function splitsBelow(path: string, folder: Folder): string | null {
  if (!holdsFoldersAlone(folder)) return null;
  const names = [...folder.folders.keys()];
  const parts = [...folder.folders.values()];
  if (names.includes('train') && names.every(isSplit)) {
    return parts.every(holdsFoldersAlone) ? path : null;
  }
  return parts.length === 1 ? splitsBelow(join(path, names[0]!), parts[0]!) : null;
}
