import type { DryRunReport, PhaseCost } from '../launch/dry-run.js';
import { bytes, count, duration, plural } from './progress/words.js';

/** A terminal's width that every line fits into, unless a single word does not. */
const maxColumns = 80;

/** Where the texts of the lines begin. */
const indent = 12;

/** What `ftctl launch --dry-run` prints: what a run would cost. Pure. */
export function dryRunLines(report: DryRunReport): string[] {
  const { samples, workers, phases } = report;
  const test = samples.test === 0 ? '' : `, ${count(samples.test)} test`;
  return [
    ...wrapped(
      `${report.name}: ${report.architecture}, ${report.imageSize} px, ${plural(report.classes, 'class', 'classes')}`,
      '',
    ),
    ...line('images', `${count(samples.train)} train, ${count(samples.val)} val${test}`),
    ...line('batch', `${report.batchSize} in ${plural(report.shards, 'shard')}`),
    ...line('workers', `${workers} on ${plural(report.cores, 'core')}`),
    ...line('memory', `about ${bytes(report.workerBytes)} a worker`),
    ...phases.flatMap((phase, index) => phaseLines(phase, index, phases.length)),
    '',
    ...wrapped(
      `All epochs: about ${time(report.totalSeconds)}, estimated from a few steps with as many processes as the run has workers; the start of the run comes on top.`,
      '',
    ),
  ];
}

function phaseLines(phase: PhaseCost, index: number, numPhases: number): string[] {
  const { times, cachedEpochSeconds } = phase;
  const later =
    cachedEpochSeconds === null
      ? `about ${time(phase.epochSeconds)}`
      : `about ${time(phase.epochSeconds)} with features to make, ${time(cachedEpochSeconds)} once cached`;
  return [
    '',
    ...wrapped(
      `Phase ${index + 1} of ${numPhases}: train ${phase.train.join(', ')}, ${plural(phase.epochs, 'epoch')}`,
      '  ',
    ),
    ...line(
      'trained',
      `${plural(phase.numTrained, 'parameter')}, ${bytes(phase.gradientBytes)} of gradient a step`,
    ),
    ...line('features', `${count(phase.numFeatures)} values a row, ${cacheText(phase)}`),
    ...(numPhases === 1 ? [] : line('memory', `about ${bytes(phase.workerBytes)} a worker`)),
    ...line(
      'a batch',
      `${plural(times.numRows, 'row')} a worker: features ${time(times.featureSeconds)}, gradients ${time(times.gradientSeconds)}`,
    ),
    ...line(
      'a step',
      `exchange ${time(times.exchangeSeconds)}, update ${time(times.updateSeconds)}`,
    ),
    ...line('an epoch', `${plural(phase.stepsPerEpoch, 'step')}, ${later}`),
  ];
}

function cacheText({ cache }: PhaseCost): string {
  if (cache === null) return 'not cached';
  const { numRows, numThere } = cache;
  return `${bytes(cache.bytes)} cached (${count(numThere)} of ${plural(numRows, 'row')} are there)`;
}

/** Small times in milliseconds. */
function time(seconds: number): string {
  const milliseconds = seconds * 1000;
  if (milliseconds < 9.95) return `${milliseconds.toFixed(milliseconds < 0.095 ? 2 : 1)} ms`;
  return milliseconds < 999.5 ? `${milliseconds.toFixed(0)} ms` : duration(milliseconds);
}

function line(name: string, text: string): string[] {
  return wrapped(`  ${name.padEnd(indent - 2)}${text}`, ' '.repeat(indent));
}

/** Broken at spaces; lines after the first begin with `margin`. */
function wrapped(text: string, margin: string): string[] {
  if (text.length <= maxColumns) return [text];
  const space = text.lastIndexOf(' ', maxColumns);
  const at = space > margin.length ? space : text.indexOf(' ', maxColumns);
  if (at < 0) return [text];
  return [text.slice(0, at), ...wrapped(`${margin}${text.slice(at + 1)}`, margin)];
}
