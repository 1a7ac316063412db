import { extname, resolve } from 'node:path';
import { isNeutral } from '../config/compile.js';
import type { RunSpec } from '../config/run-spec.js';
import { type DataReport, inspectData } from '../data/inspect.js';
import type { SplitName } from '../data/manifest.js';
import { previewData } from '../data/preview.js';
import { FtctlError } from '../errors/index.js';
import { preprocessingOf } from '../models/preprocessing-of.js';
import { writeFileAtomic } from '../util/atomic-file.js';
import { loadFromCli } from './config-from-cli.js';
import { interruptible } from './interruptible.js';
import { progressLine } from './progress-line.js';

export type { DataReport } from '../data/inspect.js';

interface DataChoice {
  /** A folder, manifest or archive, in place of the configuration's source. */
  readonly data?: string | undefined;
  readonly config: string | undefined;
  readonly sets: readonly string[];
}

/** The configuration, or the quick start's, with the data that a command's argument names. */
async function specOf({ data, config, sets }: DataChoice): Promise<RunSpec> {
  const source = data === undefined ? [] : [`data.source=${JSON.stringify(data)}`];
  const { spec } = await loadFromCli(config, [...source, ...sets]);
  return spec;
}

/** `ftctl data inspect`. */
export async function inspectDataFromCli(choice: DataChoice): Promise<DataReport> {
  const { data, seed, cache } = await specOf(choice);
  return interruptible((signal) =>
    inspectData(data, { seed, cacheDir: cache.path, onProgress: progressLine(), signal }),
  );
}

/** What `ftctl preview --json` prints. */
export interface PreviewResult {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  /** From top to bottom. */
  readonly rows: readonly {
    readonly path: string;
    readonly class: string;
    readonly split: SplitName;
  }[];
  readonly badFiles: readonly { readonly path: string; readonly reason: string }[];
  /** How many distinct views a run with this configuration cycles through; null: a fresh one in each epoch. */
  readonly views: number | null;
  /** Whether `data.augment` changes anything. */
  readonly augmented: boolean;
  /** Whether class names are in the picture: not where the machine has no fonts. */
  readonly labels: boolean;
}

/** Absolute. Throws FT_USAGE for an ending that says another format. */
function pictureAt(out: string): string {
  if (extname(out).toLowerCase() === '.png') return resolve(out);
  throw new FtctlError('FT_USAGE', {
    what: `--out is ${out}.`,
    why: 'The picture is a PNG.',
    remedy: 'Give the file the ending .png.',
  });
}

/** `ftctl preview`: draws the sheet and writes it. */
export async function previewFromCli(
  choice: DataChoice & {
    readonly out: string;
    readonly split: SplitName;
    readonly numSamples: number;
    readonly numViews: number;
  },
): Promise<PreviewResult> {
  const { split, numSamples, numViews } = choice;
  const file = pictureAt(choice.out);
  const { data, model, seed, cache } = await specOf(choice);
  const preprocessing = preprocessingOf(model, data);
  const report = progressLine();
  const { rows, width, height, hasLabels, bad } = await interruptible(async (signal) => {
    const preview = await previewData(data, {
      ...{ seed, split, numSamples, numViews, preprocessing, cacheDir: cache.path, signal },
      onProgress: (message, done, total) => {
        report({ message, done, total });
      },
    });
    await writeFileAtomic(file, preview.png);
    return preview;
  });
  return {
    ...{ file, width, height },
    rows: rows.map((row) => ({ path: row.path, class: row.className, split: row.split })),
    badFiles: bad,
    ...{ views: data.views, augmented: !isNeutral(data.augment) },
    labels: hasLabels,
  };
}
