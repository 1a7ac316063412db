import { availableParallelism } from 'node:os';
import { formatList } from '../data/image-format.js';
import { FtctlError, type FtctlErrorJson } from '../errors/index.js';
import type { SplitChoice } from '../inference/choose-split.js';
import { evaluate } from '../inference/evaluate.js';
import { predict } from '../inference/predict.js';
import { writeFileAtomic } from '../util/atomic-file.js';
import { confusionCsv } from './evaluation-report.js';
import { dataOfRun } from './data-of-run.js';
import { findModel } from './find-model.js';
import { interruptible } from './interruptible.js';
import { printable } from './progress/words.js';

/** One image with its likeliest classes. */
export type Prediction = Awaited<ReturnType<typeof predict>>[number];
export type Evaluation = Awaited<ReturnType<typeof evaluate>>;

interface RunChoice {
  readonly run: string;
  readonly runsDir: string;
}

/** `ftctl predict`: finds the run and classifies on all cores. */
export async function predictFromCli(
  options: RunChoice & { readonly images: readonly string[]; readonly top: number },
): Promise<Prediction[]> {
  const modelDir = await findModel(options.runsDir, options.run);
  const { images, top } = options;
  const threads = availableParallelism();
  return interruptible((signal) => predict({ modelDir, images, top, threads, signal }));
}

/** `ftctl evaluate`: finds the run, scores on all cores, and writes the confusion matrix where it is wanted. */
export async function evaluateFromCli(
  options: RunChoice & {
    /** Absent: the data of the run, with its splits. */
    readonly data: string | undefined;
    readonly split: SplitChoice | undefined;
    readonly onBadFile: 'fail' | 'skip';
    readonly numMistakes: number;
    readonly confusionPath: string | undefined;
  },
): Promise<Evaluation> {
  const { data, split, onBadFile, numMistakes, confusionPath } = options;
  const modelDir = await findModel(options.runsDir, options.run);
  const threads = availableParallelism();
  return interruptible(async (signal) => {
    const result = await evaluate({
      ...{
        modelDir,
        data: data ?? (await dataOfRun(modelDir, signal)),
        onBadFile,
        numMistakes,
        threads,
        signal,
      },
      ...(split === undefined ? {} : { split }),
    });
    if (confusionPath !== undefined) await writeFileAtomic(confusionPath, confusionCsv(result));
    return result;
  });
}

/** Each image, and below it its classes with their probabilities, or why it cannot be used. */
export function predictionLines(predictions: readonly Prediction[]): string[] {
  return predictions.flatMap(({ image, top, error }) => [
    printable(image),
    ...(error === null ? [] : [`  cannot be used: ${printable(reasonOf(error))}`]),
    ...top.map(({ label, probability }) => `  ${probability.toFixed(4)}  ${printable(label)}`),
  ]);
}

function reasonOf({ details, message }: FtctlErrorJson): string {
  const reason = details?.['reason'];
  return typeof reason === 'string' ? reason : message;
}

/** What the command fails with after it has printed its results: undefined if all images could be used. */
export function predictionFailure(predictions: readonly Prediction[]): FtctlError | undefined {
  const bad = predictions.flatMap(({ error }) => (error === null ? [] : [error]));
  const [first] = bad;
  if (first === undefined) return undefined;
  if (predictions.length === 1) return FtctlError.fromJSON(first);
  return new FtctlError('FT_DATA_BAD_FILES', {
    what: `${bad.length} of ${predictions.length} images cannot be used; why is said above, below each.`,
    remedy: `Repair the files, or leave them out. ${formatList} are read.`,
  });
}
