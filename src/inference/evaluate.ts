import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BadFile } from '../data/manifest.js';
import { readFailure } from '../util/read-failure.js';
import { listImageFolder } from '../data/sources/image-folder.js';
import { badFileLines, enumerate, type Listing, nameOf } from '../data/sources/listing.js';
import { listTableFile } from '../data/sources/table-file.js';
import { FtctlError } from '../errors/index.js';
import { chooseSplit, type SplitChoice, type SplitSizes } from './choose-split.js';
import { type Mistake, WorstMistakes } from './mistakes.js';
import { Confusion, type Scores } from './scores.js';
import { argmax, crossEntropy, softmax } from './softmax.js';
import { TrainedModel } from './trained-model.js';

export interface EvaluateOptions {
  /** A run's `model/` folder; nothing else of the run is read. */
  readonly modelDir: string;
  /**
   * A folder with one folder per class (or with `train`, `val`, `test` above them), or a `.csv` or `.jsonl` manifest; or images
   * that were listed before.
   */
  readonly data: string | Listing;
  /** What is scored of data with splits; absent: test if there is one, else val, else all. */
  readonly split?: SplitChoice;
  /** Whether files that cannot be used are an error (the default) or are left out. */
  readonly onBadFile?: 'fail' | 'skip';
  /** How many of the worst mistakes to give; absent: 10. */
  readonly numMistakes?: number;
  /** Threads of the engine; absent: all cores. */
  readonly threads?: number;
  /** Ends the work, with its reason. */
  readonly signal?: AbortSignal;
}

export interface EvaluateResult extends Scores {
  /** What was scored; `all` also where the data have no splits. */
  readonly split: SplitChoice;
  /** How many images the data have in each split, scored or not; null: no splits. */
  readonly splits: SplitSizes | null;
  /** Mean cross-entropy. */
  readonly loss: number;
  /** The mistakes that the model was surest of. */
  readonly worstMistakes: readonly Mistake[];
  /** Files left out. */
  readonly skipped: readonly BadFile[];
}

/**
 * Scores a trained model on labelled images; classes are matched by what the training data called them, else by
 * name. Blocks the calling thread while the engine computes. Rejects with FT_EVALUATE_CLASSES for classes that the model
 * does not know, FT_DATA_SPLIT for a split that is not there, FT_DATA_BAD_FILES, an FT_DATA_ error of the listing, FT_ARTIFACTS_NOT_FOUND or FT_ARTIFACTS_DAMAGED.
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluateResult> {
  const { modelDir, data, onBadFile = 'fail', numMistakes = 10, threads, signal } = options;
  const all = typeof data === 'string' ? await listData(resolve(data)) : data;
  const { split, splits, files } = chooseSplit(all, options.split);
  const listing = { ...all, files };
  const model = await TrainedModel.open(modelDir, threads);
  try {
    const labels = matchClasses(listing, model);
    const confusion = new Confusion(model.classNames.length);
    const worst = new WorstMistakes(numMistakes);
    const skipped: BadFile[] = [];
    let samples = 0;
    let lossSum = 0;
    let place = 0;
    const paths = files.map(({ path }) => resolve(listing.root, path));
    for await (const { logits_K, error } of model.classify(paths, signal)) {
      const { path, classId } = files[place]!;
      place += 1;
      if (error !== undefined) {
        skipped.push(badFile(path, error));
        continue;
      }
      const label = labels.get(classId)!;
      const said = argmax(logits_K);
      samples += 1;
      lossSum += crossEntropy(logits_K, label);
      confusion.add(label, said);
      if (said !== label) worst.add(mistake(path, logits_K, label, said, model.classNames));
    }
    if (skipped.length > 0 && onBadFile === 'fail') throw badFiles(listing, skipped);
    if (samples === 0) throw nothingLeft(listing);
    return {
      ...{ split, splits, loss: lossSum / samples },
      ...confusion.scores(model.classNames),
      worstMistakes: worst.list(),
      skipped,
    };
  } finally {
    await model.close();
  }
}

function mistake(
  path: string,
  logits_K: Float32Array,
  label: number,
  said: number,
  classNames: readonly string[],
): Mistake {
  const probabilities = softmax(logits_K);
  return {
    path,
    said: classNames[said]!,
    is: classNames[label]!,
    probability: probabilities[said]!,
    probabilityOfIs: probabilities[label]!,
  };
}

async function listData(data: string): Promise<Listing> {
  const found = await stat(data).catch((error: unknown) => {
    throw new FtctlError('FT_DATA_NOT_FOUND', {
      what: `The data ${data} cannot be used: ${readFailure(error)}.`,
      remedy: 'Check the path; a relative one counts from the current folder.',
      cause: error,
    });
  });
  if (found.isDirectory()) return await listImageFolder(data);
  if (/\.(csv|jsonl)$/i.test(data)) return await listTableFile(data);
  throw new FtctlError('FT_DATA_SOURCE', {
    what: `The data ${data} is a file that ends neither in .csv nor in .jsonl.`,
    remedy: 'Give a folder of class folders, or a .csv or .jsonl manifest.',
  });
}

/**
 * Index in the model's classes of each class of the data. The data's classes are all ids or all names: one by one, the
 * id of one class could be taken for the name of another. Where both fit they are ids, as in the data trained on.
 */
function matchClasses(listing: Listing, model: TrainedModel): Map<string, number> {
  const { classIds, classNames } = model;
  const byId = match(listing, classIds);
  const byName = match(listing, classNames);
  const { labels, unknown } = byId.unknown.length <= byName.unknown.length ? byId : byName;
  if (unknown.length === 0) return labels;
  const isNamed = classIds.some((id, label) => id !== classNames[label]);
  const known = classNames.map((name, label) => (isNamed ? `${name} (${classIds[label]!})` : name));
  const rule = isNamed
    ? ', which the data has to call all by their names or all as in brackets'
    : '';
  throw new FtctlError('FT_EVALUATE_CLASSES', {
    what: `${nameOf(listing)} has ${unknown.length} ${unknown.length === 1 ? 'class' : 'classes'} that the model does not know: ${enumerate(unknown)}.`,
    why: `The model was trained on ${classNames.length} classes: ${enumerate(known, 20)}${rule}.`,
    details: { unknown, known: classNames },
  });
}

function match(
  listing: Listing,
  known: readonly string[],
): { labels: Map<string, number>; unknown: string[] } {
  const labels = new Map(known.map((text, label) => [text, label]));
  return { labels, unknown: listing.classIds.filter((id) => !labels.has(id)) };
}

function badFile(path: string, error: FtctlError): BadFile {
  if (error.code !== 'FT_DATA_BAD_FILE') throw error;
  return { path, reason: String(error.details?.['reason']) };
}

function badFiles(listing: Listing, bad: readonly BadFile[]): FtctlError {
  const lines = badFileLines(listing, bad);
  return new FtctlError('FT_DATA_BAD_FILES', {
    what: `${bad.length} of ${listing.files.length} images in ${nameOf(listing)} cannot be used: ${enumerate(lines, 20)}.`,
    remedy: 'Repair or remove the files.',
    details: { badFiles: bad },
  });
}

function nothingLeft(listing: Listing): FtctlError {
  return new FtctlError('FT_DATA_EMPTY', {
    what: `None of the ${listing.files.length} images in ${nameOf(listing)} can be used.`,
  });
}
