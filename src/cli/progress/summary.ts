import { join, relative } from 'node:path';
import type { RunResult } from '../../control/events.js';
import { quoted } from '../../util/shell-quote.js';
import { accuracy, count, duration, loss, plural } from './words.js';

/** What the closing words depend on beside the result. */
export interface SummaryContext {
  /** Makes the paths short. */
  readonly cwd: string;
  /** Starts ftctl. */
  readonly program: string;
  /** The command that starts the run anew. */
  readonly again: string;
  /** It went on with an earlier run. */
  readonly isResumed: boolean;
  /** `model/` has one: a run that is stopped after its first epoch leaves that of its best epoch. */
  readonly hasModel: boolean;
  /** Index of the last phase, whose epochs may be raised. */
  readonly lastPhase: number;
  /** Epochs of all phases, as configured. */
  readonly numEpochs: number;
}

/** The run was over before it was resumed. */
function hadNothingLeft({ status, imagesPerSecond }: RunResult): boolean {
  return status === 'finished' && imagesPerSecond === 0;
}

/** The closing words of a run for people. Pure. */
export function summaryLines(
  result: RunResult,
  { cwd, program, again, isResumed, hasModel, lastPhase, numEpochs }: SummaryContext,
): string[] {
  const run = shorter(result.runDir, cwd);
  const predict = `Classify images:  ${program} predict ${quoted(run)} IMAGE...`;
  const resume = `${program} launch --resume ${quoted(run)}`;
  const done =
    result.epochs < numEpochs
      ? `${result.epochs} of ${plural(numEpochs, 'epoch')} were done, and early stopping left out the others. To train on, if the last phase was not stopped, raise its epochs:`
      : `${result.epochs === 1 ? 'its epoch was' : `all ${plural(result.epochs, 'epoch')} were`} done. To train on, raise the epochs:`;
  const score = (name: string, value: { loss: number; accuracy: number } | null | undefined) =>
    value == null
      ? []
      : [`  ${name.padEnd(8)} loss ${loss(value.loss)}, accuracy ${accuracy(value.accuracy)}`];
  const { best } = result;
  const bestValue =
    best === null ? '' : best.metric === 'accuracy' ? accuracy(best.value) : loss(best.value);
  return [
    `${result.status === 'finished' ? 'Finished' : 'Stopped'} ${result.runId}: ` +
      `${plural(result.epochs, 'epoch')}, ${plural(result.steps, 'step')} on ` +
      `${plural(result.workers, 'worker')} in ${duration(result.wallSeconds * 1000)}` +
      (result.imagesPerSecond > 0
        ? ` (${count(result.imagesPerSecond)} images/s once training began)`
        : ''),
    ...score('train', result.train),
    ...score('val', result.val),
    ...score('test', result.test),
    ...(best === null
      ? []
      : [`  best     val ${best.metric} ${bestValue}, epoch ${best.epoch + 1}`]),
    ...(result.digest === '' ? [] : [`  digest   ${result.digest}`]),
    '',
    ...(result.status === 'finished'
      ? [
          `The model is in ${join(run, 'model')} (ONNX, class names, preprocessing).`,
          predict,
          ...(isResumed && hadNothingLeft(result)
            ? [
                '',
                `Nothing was left to train: ${done}`,
                `  ${resume} --set phases.${lastPhase}.epochs=N`,
              ]
            : []),
        ]
      : result.digest === ''
        ? [
            'It was stopped before its first step, and has no checkpoint.',
            `Start it again:  ${again}`,
          ]
        : [
            `The run is in ${run}, with a checkpoint${hasModel ? ' and the model of its best epoch so far' : ''}.`,
            `Go on with it:${hasModel ? '    ' : '  '}${resume}`,
            ...(hasModel ? [predict] : []),
          ]),
  ];
}

/** A path for a command line: as short as can be, but never without a separator (that would be a run's id). */
export function shorter(path: string, cwd: string): string {
  const short = relative(cwd, path);
  if (short === '' || short.startsWith('..') || short.length >= path.length) return path;
  return /[/\\]/.test(short) ? short : `./${short}`;
}
