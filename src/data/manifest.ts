/** The part of the data that a sample is used for. */
export type SplitName = 'train' | 'val' | 'test';

/** One image. Its place in {@link Manifest.samples} is its index, which plans and requests use. */
export interface Sample {
  /** Stable name, unique in the manifest: the path relative to the data root, with forward slashes. */
  readonly id: string;
  /** Path relative to the data root (the root differs from host to host), or absolute. */
  readonly path: string;
  /** Index into {@link Manifest.classNames}. */
  readonly label: number;
  readonly split: SplitName;
  /** SHA-256 of the file's bytes, lower-case hex. */
  readonly sha256: string;
}

/** A file that cannot be used, and why, in words for the user. */
export interface BadFile {
  readonly path: string;
  readonly reason: string;
}

/** What a run trains and evaluates on; the same on every host. Samples are sorted by id. */
export interface Manifest {
  /** What the data calls its classes (folder names, or labels as written), in the order of labels. */
  readonly classIds: readonly string[];
  /** What people call them, in the same order: the ids, where no file of names was given. */
  readonly classNames: readonly string[];
  readonly samples: readonly Sample[];
  /** Files left out under `onBadFile: skip`. */
  readonly skipped: readonly BadFile[];
  /** SHA-256 over class ids, class names and samples in order. */
  readonly hash: string;
}
