import type { RunSummary } from '../state/run-summary.js';
import { accuracy, duration, loss } from './progress/words.js';

/** The runs as a table for people. Pure. */
export function runsTable(
  runs: readonly RunSummary[],
  runsDir: string,
  program = 'ftctl',
): string[] {
  if (runs.length === 0) return [`No runs in ${runsDir}. Start one with: ${program} launch`];
  const rows = [
    ['RUN', 'STATUS', 'EPOCHS', 'BEST VAL', 'STARTED (UTC)', 'TOOK'],
    ...runs.map((run) => [
      run.id,
      run.error === null ? run.status : `${run.status} (${run.error.code})`,
      run.totalEpochs === null ? String(run.epochs) : `${run.epochs}/${run.totalEpochs}`,
      best(run),
      new Date(run.startedAt).toISOString().slice(0, 16).replace('T', ' '),
      took(run),
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

/** A resumed run took all of its sessions' time, and none of that between them. */
function took({ tookMs, sessions }: RunSummary): string {
  if (tookMs === null) return '-';
  return `${duration(tookMs)}${sessions === 1 ? '' : ` (${sessions} sessions)`}`;
}

function best({ best: value }: RunSummary): string {
  if (value === null) return '-';
  const number = value.metric === 'accuracy' ? accuracy(value.value) : loss(value.value);
  return `${value.metric} ${number} (epoch ${value.epoch + 1})`;
}
