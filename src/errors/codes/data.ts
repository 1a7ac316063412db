import type { CatalogueEntry } from '../catalogue-entry.js';

/** The data, or a package that data or weights come from, is at fault. */
export const dataCodes = {
  FT_DATA_SOURCE: {
    exit: 2,
    summary: 'A data source, or what goes with it, is not one that ftctl can read.',
    remedy:
      'Give a folder of class folders, a .csv or .jsonl manifest, a tar or zip archive of such, or `npm:NAME@VERSION` with a rule file.',
  },
  FT_DATA_NOT_FOUND: {
    exit: 3,
    summary: 'A file or folder that the data configuration names does not exist.',
    remedy:
      'Check the path; a relative one in a configuration counts from its file, one on the command line or in `--set` from the current folder.',
  },
  FT_DATA_EMPTY: {
    exit: 3,
    summary: 'A data source has no image at all.',
    remedy: 'Put each image in the folder of its class: ROOT/CLASS/IMAGE.png.',
  },
  FT_DATA_EMPTY_CLASS: {
    exit: 3,
    summary: 'A class has no image that can be used.',
    remedy: 'Add images to the class, or remove its folder or rule.',
  },
  FT_DATA_ONE_CLASS: {
    exit: 3,
    summary: 'There are fewer than two classes, so there is nothing to tell apart.',
    remedy: 'Add images of at least one more class.',
  },
  FT_DATA_CLASS_TOO_SMALL: {
    exit: 3,
    summary: 'A class has too few images to be split into train and val.',
    remedy: 'Add images to the class, remove it, or bring your own splits.',
  },
  FT_DATA_SPLIT: {
    exit: 3,
    summary: 'The splits that a data source brings are not complete.',
    remedy: 'Bring train and val (test is optional), each with class folders, or no splits at all.',
  },
  FT_DATA_LAYOUT: {
    exit: 3,
    summary: 'The folders of a data source are data sets or splits, not classes.',
    remedy:
      'Set `data.source` to the folder whose folders are the classes, or train, val and test.',
  },
  FT_DATA_LINK_LOOP: {
    exit: 3,
    summary: 'A symbolic link in a data folder leads to a folder that contains it.',
    remedy: 'Remove the link.',
  },
  FT_DATA_BAD_FILE: {
    exit: 3,
    summary:
      'An image file cannot be used: empty, truncated, corrupt, too large, or of another format.',
    remedy: 'Repair or remove the file. PNG, JPEG, WebP, TIFF, GIF and AVIF are read.',
  },
  FT_DATA_BAD_FILES: {
    exit: 3,
    summary: 'Some image files of a data source cannot be used.',
    remedy: 'Repair or remove the files, or set `data.onBadFile: skip` to train without them.',
  },
  FT_DATA_MANIFEST_ROW: {
    exit: 3,
    summary: 'A row of a CSV or JSONL manifest is not valid.',
    remedy:
      'Correct the line that the message names; docs/data.md describes both kinds of manifest.',
  },
  FT_DATA_DUPLICATE_PATH: {
    exit: 3,
    summary: 'A manifest lists the same image twice.',
    remedy: 'Remove one of the rows: an image has one label and belongs to one split.',
  },
  FT_DATA_CLASS_NAMES: {
    exit: 3,
    summary: 'The class names file does not fit the data.',
    remedy: 'Give a JSON object that has a name for each class: {"1": "pink primrose", ...}.',
  },
  FT_DATA_GROUP_BY: {
    exit: 3,
    summary:
      '`data.split.groupBy` does not fit the data: there is no such column, or the pattern does not fit.',
    remedy:
      'Name a column that every row fills, or write a pattern that fits every path, between slashes: `/^([^_]+)_/`.',
  },
  FT_DATA_GROUP_LEAK: {
    exit: 3,
    summary:
      'A data source brings its own splits, and a group of `data.split.groupBy` is in two of them.',
    remedy: 'Repair the splits, or leave them out and let ftctl split by groups.',
  },
  FT_DATA_GROUPS_TOO_FEW: {
    exit: 3,
    summary: 'There are too few groups of images to have one in each split.',
    remedy: 'Group more finely, add images of other groups, or use fewer splits.',
  },
  FT_DATA_RULES: {
    exit: 3,
    summary: 'A rule file is not valid, or does not fit the package that it is applied to.',
    remedy: 'Compare it with configs/emoji-16-classes.yaml, which explains the format.',
  },
  FT_DATA_AUGMENT_RANGE: {
    exit: 2,
    summary:
      'An augmentation would shrink images by more than 2, which bilinear sampling cannot do well.',
    remedy: 'Set `data.augment.scale` so that the smaller value is at least 0.5.',
  },
  FT_DATA_FETCH: {
    exit: 3,
    summary: 'A package could not be fetched with npm.',
    remedy:
      'Check that `npm view NAME` works here (registry, proxy and login are those of your npm configuration), or use a folder instead.',
  },
  FT_DATA_INTEGRITY: {
    exit: 3,
    summary: 'A fetched package, or an archive, is not the one that the configuration pins.',
    remedy:
      'Do not use it. If the pinned value is wrong, correct `integrity` or `sha256` in the configuration; else ask who publishes it.',
  },
  FT_DATA_ARCHIVE: {
    exit: 3,
    summary:
      'An archive is damaged, too large, of another kind, or holds something else than plain files.',
    remedy: 'Use another version of the archive, or unpack it yourself and use the folder.',
  },
  FT_DATA_MANIFEST: {
    exit: 3,
    summary: 'A stored manifest is damaged.',
    remedy: 'Start the run anew, so that the manifest is made again.',
  },
} as const satisfies Record<string, CatalogueEntry>;
