import type { DryRunReport, PhaseCost } from '../launch/dry-run.js';
import { bytes, count, duration, plural } from './progress/words.js';

/** What `ftctl launch --dry-run` prints: what a run would cost. Pure. */
export function dryRunLines(report: DryRunReport): string[] {
  const { samples, workers, phases } = report;
  const test = samples.test === 0 ? '' : `, ${count(samples.test)} test`;
  return [
    `${report.name}: ${report.architecture}, ${report.imageSize} px, ${plural(report.classes, 'class', 'classes')}`,
    line('images', `${count(samples.train)} train, ${count(samples.val)} val${test}`),
    line('batch', `${report.batchSize} in ${plural(report.shards, 'shard')}`),
    line('workers', `${workers} on ${plural(report.cores, 'core')}`),
    line('memory', `about ${bytes(report.workerBytes)} a worker`),
    ...phases.flatMap((phase, index) => phaseLines(phase, index, phases.length)),
    '',
    `All epochs: about ${duration(report.totalSeconds * 1000)} of computing, estimated from a few steps in one process;`,
    'what workers exchange and waiting for each other come on top.',
  ];
}

function phaseLines(phase: PhaseCost, index: number, numPhases: number): string[] {
  const { cachedFeatureBytes, cachedEpochSeconds, measured } = phase;
  const cached = cachedFeatureBytes === null ? 'not cached' : `${bytes(cachedFeatureBytes)} cached`;
  const later =
    cachedEpochSeconds === null ? '' : `, ${duration(cachedEpochSeconds * 1000)} once cached`;
  return [
    '',
    `Phase ${index + 1} of ${numPhases}: train ${phase.train.join(', ')}, ${plural(phase.epochs, 'epoch')}`,
    line(
      'trained',
      `${plural(phase.numTrained, 'parameter')}, ${bytes(phase.gradientBytes)} of gradient a step`,
    ),
    line('features', `${count(phase.numFeatures)} values a row, ${cached}`),
    line('a step', stepText(measured)),
    line(
      'an epoch',
      `${plural(phase.stepsPerEpoch, 'step')}, about ${duration(phase.epochSeconds * 1000)}${later}`,
    ),
  ];
}

function stepText({
  featureSeconds,
  gradientSeconds,
  updateSeconds,
  numRows,
}: PhaseCost['measured']): string {
  const features =
    featureSeconds === null ? 'features were in the cache' : `features ${time(featureSeconds)}`;
  return `${plural(numRows, 'row')} a worker: ${features}, gradients ${time(gradientSeconds)}, update ${time(updateSeconds)}`;
}

function time(seconds: number): string {
  const milliseconds = seconds * 1000;
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : `${count(milliseconds)} ms`;
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(10)}${text}`;
}
