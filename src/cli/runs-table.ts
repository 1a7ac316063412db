import type { RunSummary } from '../state/run-summary.js';
import { accuracy, duration, loss } from './progress/words.js';
import { aligned } from './table-cells.js';

/** What a narrower table does without, from the least important on; the id has the time of the start. */
const economies = ['start', 'best epoch', 'sessions', 'status word', 'best', 'time'] as const;
type Economy = (typeof economies)[number];

/** Where a table is shown. */
export interface TableContext {
  readonly runsDir: string;
  /** Of the terminal; infinite for a file or a pipe, which get all. */
  readonly columns: number;
  /** Starts ftctl. */
  readonly program: string;
}

/** The runs as a table for people, as wide as `columns` allow. Pure. */
export function runsTable(
  runs: readonly RunSummary[],
  { runsDir, columns, program }: TableContext,
): string[] {
  if (runs.length === 0) return [`No runs in ${runsDir}. Start one with: ${program} launch`];
  for (let number = 0; ; number += 1) {
    const lines = aligned(cells(runs, new Set(economies.slice(0, number))));
    const fits = lines.every(({ length }) => length <= columns);
    if (fits || number === economies.length) return lines;
  }
}

function cells(runs: readonly RunSummary[], saved: ReadonlySet<Economy>): string[][] {
  const unless = (economy: Economy, cell: string): string[] => (saved.has(economy) ? [] : [cell]);
  return [
    [
      ...['RUN', 'STATUS', 'EPOCHS'],
      ...unless('best', 'BEST VAL'),
      ...unless('start', 'STARTED (UTC)'),
      ...unless('time', 'TOOK'),
    ],
    ...runs.map((run) => [
      run.id,
      status(run, saved.has('status word')),
      run.totalEpochs === null ? String(run.epochs) : `${run.epochs}/${run.totalEpochs}`,
      ...unless('best', best(run, saved.has('best epoch'))),
      ...unless('start', new Date(run.startedAt).toISOString().slice(0, 16).replace('T', ' ')),
      ...unless('time', took(run, saved.has('sessions'))),
    ]),
  ];
}

/** A failure's code alone says that the run failed. */
function status({ status: word, error }: RunSummary, isShort: boolean): string {
  if (error === null) return word;
  if (isShort) return word === 'failed' ? error.code : word;
  return `${word} (${error.code})`;
}

/** A resumed run took all of its sessions' time, and none of that between them. */
function took({ tookMs, sessions }: RunSummary, isShort: boolean): string {
  if (tookMs === null) return '-';
  return `${duration(tookMs)}${sessions === 1 || isShort ? '' : ` (${sessions} sessions)`}`;
}

function best({ best: value }: RunSummary, isShort: boolean): string {
  if (value === null) return '-';
  const number = value.metric === 'accuracy' ? accuracy(value.value) : loss(value.value);
  if (isShort) return `${value.metric === 'accuracy' ? 'acc' : 'loss'} ${number}`;
  return `${value.metric} ${number} (epoch ${value.epoch + 1})`;
}
