import type { RunEvent } from '../../control/events.js';
import type { EventOf, ProgressState } from './progress-state.js';
import { sentenceCase } from '../../util/sentence-case.js';
import { accuracy, bytes, count, duration, loss, plural, printable, rate } from './words.js';

/**
 * The lines that `event` adds to a log (no terminal): one per epoch, one for the start and the end of each long
 * preparation, and what a reader must know. `before` is the state before the event. Pure.
 */
export function plainLines(before: ProgressState, event: RunEvent): string[] {
  switch (event.type) {
    case 'run-started': {
      const from = event.resumedFromRound > 0 ? ', resumed from its last checkpoint' : '';
      return [`run ${event.runId}${from}`];
    }
    case 'preparing':
      return preparingLines(before, event);
    case 'data-ready':
      return [dataLine(event)];
    case 'worker-joined':
      return [
        `worker ${event.slot} ${before.hasBegun ? 'was started again' : 'joined'} (pid ${event.pid} on ${printable(event.host)})`,
      ];
    case 'generation': {
      if (before.hasBegun) return changeLines(before, event);
      const { length } = event.members;
      return [`${plural(length, 'worker')} ${length === 1 ? 'is' : 'are'} ready`];
    }
    case 'epoch':
      return [epochLine(event)];
    case 'test':
      return [
        `test: loss ${loss(event.loss)}, accuracy ${accuracy(event.accuracy)}, ${plural(event.samples, 'image')}`,
      ];
    case 'phase':
    case 'phase-stopped':
    case 'warning':
    case 'files-skipped':
      return noticeLines(event);
    case 'worker-lost':
      return changeLines(before, event);
    case 'worker-state':
    case 'step':
    case 'checkpoint':
    case 'run-finished':
    case 'run-stopped':
    case 'run-failed':
      return [];
  }
}

/** Files that a person is told of; the rest are in `events.jsonl`. */
const maxSkippedShown = 5;

/** What a person must see even while a live display runs: kept in the scroll-back above it. */
export function noticeLines(event: RunEvent): string[] {
  switch (event.type) {
    case 'warning': {
      const who = event.rank === undefined ? '' : ` (rank ${event.rank})`;
      return [`warning${who}: ${printable(event.message)}`];
    }
    case 'files-skipped':
      return event.first === 0 ? skippedLines(event) : [];
    case 'phase': {
      const { train, from, fromEpoch } = event;
      const which = from === 'best' ? 'the best' : 'the last';
      return [
        `${phaseOf(event)} begins from epoch ${fromEpoch + 1}, ${which}; trains ${printable(train.join(', '))}`,
      ];
    }
    case 'phase-stopped': {
      const { epochs, of, metric, patience } = event;
      const better = `val ${metric} got no better in ${plural(patience, 'epoch')}`;
      return [
        `${phaseOf(event)} stopped early, after ${epochs} of ${plural(of, 'epoch')}: ${better}`,
      ];
    }
    default:
      return [];
  }
}

/**
 * Who was lost or has joined since rounds have begun, and how the run goes on; `before` as in {@link plainLines}. A loss before them is left to
 * the run's error, which follows and knows more of the cause.
 */
export function changeLines(before: ProgressState, event: RunEvent): string[] {
  if (!before.hasBegun) return [];
  if (event.type === 'worker-lost') return [lostLine(before, event)];
  return event.type === 'generation' ? [goingOnLine(before, event)] : [];
}

/** The cause most often is a sentence that names the worker. */
function lostLine({ workers }: ProgressState, { slot, cause }: EventOf<'worker-lost'>): string {
  const name = `worker ${slot}`;
  const isNamed = cause.toLowerCase().startsWith(`${name} `);
  const text = isNamed ? `${name}${cause.slice(name.length)}` : `${name} was lost: ${cause}`;
  const isLast = workers.every((worker) => worker.slot === slot || worker.rank === null);
  return printable(isLast ? `${text} Nobody is left; others are waited for.` : text);
}

/** `worker 1 has joined; going on with 3 workers from round 123`. */
function goingOnLine(
  { workers }: ProgressState,
  { members, round }: EventOf<'generation'>,
): string {
  const rankBefore = new Map(workers.map(({ slot, rank }) => [slot, rank]));
  const slots = members.map(({ slot }) => slot);
  const isNew = (slot: number): boolean => (rankBefore.get(slot) ?? null) === null;
  const joined = slots.filter(isNew).sort((a, b) => a - b);
  const who =
    joined.length === 1 ? `worker ${joined[0]!} has` : `workers ${joined.join(', ')} have`;
  // Where nobody has stayed, what was done after the newest checkpoint is done again.
  const from = joined.length === members.length ? `its newest checkpoint, round` : 'round';
  const goingOn = `going on with ${plural(members.length, 'worker')} from ${from} ${round}`;
  return joined.length === 0 ? goingOn : `${who} joined; ${goingOn}`;
}

function phaseOf({ phase, phases }: { readonly phase: number; readonly phases: number }): string {
  return `phase ${phase + 1}/${phases}`;
}

function skippedLines(event: Extract<RunEvent, { type: 'files-skipped' }>): string[] {
  const { total, files, listedIn } = event;
  const shown = files.slice(0, maxSkippedShown);
  const rest = total - shown.length;
  const where = `listed in ${printable(listedIn)} ("files-skipped")`;
  return [
    `warning: ${plural(total, 'file')} cannot be used and ${total === 1 ? 'is' : 'are'} left out (data.onBadFile: skip):`,
    ...shown.map(({ path, reason }) => `  ${printable(path)}: ${printable(reason)}`),
    rest === 0 ? `  ${where}` : `  and ${count(rest)} more, all ${where}`,
  ];
}

/** A speed that was measured for less time than this says nothing. */
const minSpeedSeconds = 1;

/**
 * `epoch 3/25: train loss 1.2345, accuracy 0.512; val loss ...`. Features are computed ahead of the epoch that uses them,
 * so what was computed is a count of the work done meanwhile, and no share of the epoch's own images.
 */
function epochLine(event: Extract<RunEvent, { type: 'epoch' }>): string {
  const { train, val, rowsComputed, seconds } = event;
  const { imagesPerSecond } = event; // 0 where no step was timed: an epoch that a resume only had to evaluate
  const speed =
    seconds < minSpeedSeconds || imagesPerSecond === 0
      ? ''
      : `, ${count(imagesPerSecond)} training images/s`;
  const computed = rowsComputed === 0 ? '' : `, ${plural(rowsComputed, 'feature')} computed`;
  return (
    `epoch ${event.epoch + 1}/${event.epochs}: ` +
    `train loss ${loss(train.loss)}, accuracy ${accuracy(train.accuracy)}; ` +
    `val loss ${loss(val.loss)}, accuracy ${accuracy(val.accuracy)}${event.isBest ? ' (best)' : ''}; ` +
    `lr ${rate(event.learningRate)}; ` +
    `${duration(seconds * 1000)}${speed}${computed}`
  );
}

function dataLine(event: Extract<RunEvent, { type: 'data-ready' }>): string {
  const { classes, train, val, test, skipped } = event;
  const left = skipped === 0 ? '' : `; ${plural(skipped, 'bad file')} left out`;
  return `data: ${plural(classes, 'class', 'classes')}; ${count(train)} train, ${count(val)} val, ${count(test)} test images${left}`;
}

function preparingLines(
  before: ProgressState,
  event: Extract<RunEvent, { type: 'preparing' }>,
): string[] {
  const { what, message, done, total, unit } = event;
  const text = sentenceCase(printable(message));
  const last = before.preparing;
  const isNew = last?.what !== what || last.message !== message;
  const isDone = total > 0 && done >= total;
  const wasDone = !isNew && last.total > 0 && last.done >= last.total;
  if (isDone && wasDone) return [];
  // The words of the last step say that it is done, and the number of steps is nobody's concern.
  if (isDone && unit === 'steps') return [text.endsWith('.') ? text : `${text}.`];
  if (isDone)
    return [`${text}: done, ${unit === 'bytes' ? bytes(total) : `${count(total)} ${unit}`}.`];
  return isNew ? [`${text} ...`] : [];
}
