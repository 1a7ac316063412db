import stringWidth from 'string-width';
import { bar, cut, line, span, type Span } from './layout.js';
import {
  timeLeftMs,
  type EventOf,
  type ProgressState,
  type WorkerProgress,
} from './progress-state.js';
import { sentenceCase } from '../../util/sentence-case.js';
import { accuracy, bytes, count, duration, loss, plural, printable, rate } from './words.js';

/** How many lines the workers may take; beyond it they are counted by stage. */
const maxWorkerLines = 4;
const minColumns = 20;

/**
 * The live display: some lines, none wider than `columns` (of which one stays free, since terminals wrap on the
 * last). Pure.
 */
export function renderLive(state: ProgressState, columns: number, color = false): string[] {
  const width = Math.max(minColumns, columns) - 1;
  const draw = (left: readonly Span[], right: readonly Span[] = []): string =>
    line(left, right, width, color);
  const clock = elapsed(state);
  const room = width - clock.reduce((sum, { text }) => sum + text.length + 2, 0);
  return [
    draw(heading(state, room), clock),
    ...(state.step === null ? preparing(state, width) : training(state, width)).map(
      ([left, right]) => draw(left, right),
    ),
    ...workers(state.workers, width).map((spans) => draw(spans)),
  ];
}

/** The line that a finished epoch leaves above the live display. */
export function liveEpochLine(event: EventOf<'epoch'>, columns: number): string {
  const { epoch, epochs, train, val } = event;
  const total = String(epochs);
  const text =
    `epoch ${String(epoch + 1).padStart(total.length)}/${total}: ` +
    `loss ${loss(train.loss)} acc ${accuracy(train.accuracy)}, ` +
    `val loss ${loss(val.loss)} acc ${accuracy(val.accuracy)}${event.isBest ? ' best' : ''}, ` +
    duration(event.seconds * 1000);
  return cut(text, columns - 1);
}

type Halves = readonly [left: readonly Span[], right: readonly Span[]];

/** The name, and as many facts as leave room for the clock. */
function heading({ runId, workers: all, data }: ProgressState, room: number): Span[] {
  const facts = [
    ...(all.length === 0 ? [] : [plural(all.length, 'worker')]),
    ...(data === null
      ? []
      : [
          `${count(data.train)} train / ${count(data.val)} val`,
          plural(data.classes, 'class', 'classes'),
        ]),
  ].map((fact) => `  ${fact}`);
  const name = printable(runId ?? 'ftctl');
  while (facts.length > 0 && stringWidth(name) + facts.join('').length > room) facts.pop();
  return [span(name, 'bold'), span(facts.join(''))];
}

function elapsed({ startedAt, now }: ProgressState): Span[] {
  return startedAt === null || now === null ? [] : [span(duration(now - startedAt), 'dim')];
}

function preparing({ preparing: event, workers: all }: ProgressState, width: number): Halves[] {
  if (event === null) {
    const waiting = all.length === 0 ? 'starting' : 'preparing the workers';
    return [[[span(waiting, 'dim')], []]];
  }
  const { message, done, total, unit } = event;
  const amount = (value: number): string => (unit === 'bytes' ? bytes(value) : count(value));
  const known = total > 0;
  const progress = known ? `${amount(done)} / ${amount(total)}` : amount(done);
  const right = `${progress}${unit === 'bytes' ? '' : ` ${unit}`}`;
  const gauge: Halves[] = known ? [[[span(bar(done / total, width), 'cyan')], []]] : [];
  return [
    [[span(sentenceCase(printable(message)))], done > 0 || known ? [span(right)] : []],
    ...gauge,
  ];
}

function training(state: ProgressState, width: number): Halves[] {
  const step = state.step!;
  const left = timeLeftMs(state);
  const epochs = String(step.epochs);
  const head = `epoch ${String(step.epoch + 1).padStart(epochs.length)}/${epochs} `;
  const steps = String(step.steps);
  const tail = ` step ${String(step.step + 1).padStart(steps.length)}/${steps}`;
  const room = width - head.length - tail.length;
  const fraction = (step.step + 1) / Math.max(1, step.steps);
  const gauge = room >= 6 ? bar(fraction, room) : '';
  return [
    [[span(head, 'bold'), span(gauge, 'cyan'), span(tail)], []],
    [
      [
        span(`loss ${loss(step.loss)}  accuracy ${accuracy(step.accuracy)}`),
        span(`  lr ${rate(step.learningRate)}  ${count(step.imagesPerSecond)} images/s`),
      ],
      [span(left === null ? '' : `${duration(left)} left`)],
    ],
    ...(state.best === null
      ? []
      : [
          [
            [
              span('best ', 'green'),
              span(
                `epoch ${state.best.epoch + 1}  val accuracy ${accuracy(state.best.val.accuracy)}` +
                  `  val loss ${loss(state.best.val.loss)}`,
              ),
            ],
            [],
          ] as const,
        ]),
  ];
}

function workers(all: readonly WorkerProgress[], width: number): Span[][] {
  if (all.length === 0) return [];
  const slotWidth = String(Math.max(...all.map(({ slot }) => slot))).length;
  const cells = all.map((worker) => `${String(worker.slot).padStart(slotWidth)} ${stage(worker)}`);
  const label = 'workers ';
  const cellWidth = Math.max(...cells.map(({ length }) => length)) + 2;
  const perLine = Math.max(1, Math.floor((width - label.length + 2) / cellWidth));
  if (Math.ceil(cells.length / perLine) > maxWorkerLines) return [counted(all, label)];
  const lines: Span[][] = [];
  for (let first = 0; first < cells.length; first += perLine) {
    const last = Math.min(perLine, cells.length - first) - 1;
    lines.push([
      span(first === 0 ? label : ' '.repeat(label.length), 'dim'),
      ...all
        .slice(first, first + perLine)
        .map((worker, i) =>
          span(
            i === last ? cells[first + i]! : cells[first + i]!.padEnd(cellWidth),
            worker.stage === 'lost' ? 'red' : worker.rank === null ? 'yellow' : undefined,
          ),
        ),
    ]);
  }
  return lines;
}

function counted(all: readonly WorkerProgress[], label: string): Span[] {
  const stages = new Map<string, number>();
  for (const worker of all) stages.set(stage(worker), (stages.get(stage(worker)) ?? 0) + 1);
  const words = [...stages].sort((a, b) => b[1] - a[1]).map(([name, n]) => `${count(n)} ${name}`);
  return [span(label, 'dim'), span(words.join(', '))];
}

/** Stages come from other processes; a dozen letters say enough. */
function stage(worker: WorkerProgress): string {
  return printable(worker.stage).slice(0, 12);
}
