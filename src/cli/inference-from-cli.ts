import { availableParallelism } from 'node:os';
import { evaluate } from '../inference/evaluate.js';
import { predict } from '../inference/predict.js';
import { RunFolder } from '../state/run-folder.js';
import { writeFileAtomic } from '../util/atomic-file.js';
import { confusionCsv } from './evaluation-report.js';
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
  const { modelDir } = await RunFolder.open(options.runsDir, options.run);
  return predict({
    modelDir,
    images: [...options.images],
    top: options.top,
    threads: availableParallelism(),
  });
}

/** `ftctl evaluate`: finds the run, scores on all cores, and writes the confusion matrix where it is wanted. */
export async function evaluateFromCli(
  options: RunChoice & {
    readonly data: string;
    readonly onBadFile: 'fail' | 'skip';
    readonly numMistakes: number;
    readonly confusionPath: string | undefined;
  },
): Promise<Evaluation> {
  const { data, onBadFile, numMistakes, confusionPath } = options;
  const { modelDir } = await RunFolder.open(options.runsDir, options.run);
  const threads = availableParallelism();
  const result = await evaluate({ modelDir, data, onBadFile, numMistakes, threads });
  if (confusionPath !== undefined) await writeFileAtomic(confusionPath, confusionCsv(result));
  return result;
}

/** Each image, and below it its classes with their probabilities. */
export function predictionLines(predictions: readonly Prediction[]): string[] {
  return predictions.flatMap(({ image, top }) => [
    printable(image),
    ...top.map(({ label, probability }) => `  ${probability.toFixed(4)}  ${printable(label)}`),
  ]);
}
