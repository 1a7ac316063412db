import { availableParallelism } from 'node:os';
import { evaluate } from '../inference/evaluate.js';
import { predict } from '../inference/predict.js';
import { RunFolder } from '../state/run-folder.js';
import { accuracy, loss, plural, printable } from './progress/words.js';

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

/** `ftctl evaluate`: finds the run and scores on all cores. */
export async function evaluateFromCli(
  options: RunChoice & { readonly data: string },
): Promise<Evaluation> {
  const { modelDir } = await RunFolder.open(options.runsDir, options.run);
  return evaluate({ modelDir, data: options.data, threads: availableParallelism() });
}

/** Each image, and below it its classes with their probabilities. */
export function predictionLines(predictions: readonly Prediction[]): string[] {
  return predictions.flatMap(({ image, top }) => [
    printable(image),
    ...top.map(({ label, probability }) => `  ${probability.toFixed(4)}  ${printable(label)}`),
  ]);
}

export function evaluationLine(result: Evaluation): string {
  return `accuracy ${accuracy(result.accuracy)}, loss ${loss(result.loss)} on ${plural(result.samples, 'image')}`;
}
