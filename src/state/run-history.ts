import type { RunEvent, RunResult } from '../control/events.js';
import { linesFromEnd } from '../util/tail-lines.js';

/** What a run's `events.jsonl` tells of it. */
export interface RunHistory {
  readonly last: RunEvent | null;
  /** Epochs done, and wanted. */
  readonly epochs: number;
  readonly totalEpochs: number | null;
  readonly best: RunResult['best'];
  /** Lives of its coordinator, oldest first: one, and one for each resume. Unix times in ms of first event and end. */
  readonly sessions: readonly { readonly startedAt: number; readonly endedAt: number }[];
}

/** An event line is a few hundred bytes: enough for tens of thousands of them. */
const maxEventBytes = 8 * 1024 * 1024;
/** Most lines are about none of these. */
const isTelling = /"type":"(run-started|epoch|run-finished|run-stopped|run-failed)"/;
const ends: ReadonlySet<RunEvent['type']> = new Set(['run-finished', 'run-stopped', 'run-failed']);

/** Reads backwards, and at most the last 8 MB. `metric` is the one that the best epoch is chosen by. */
export async function readHistory(path: string, metric: 'accuracy' | 'loss'): Promise<RunHistory> {
  let last: RunEvent | null = null;
  let newest: Extract<RunEvent, { type: 'epoch' }> | null = null;
  let best: RunResult['best'] = null;
  const sessions: { startedAt: number; endedAt: number }[] = [];
  /** Of the session that is being read; null: its last event comes next. */
  let endedAt: number | null = null;
  for await (const line of linesFromEnd(path, { maxBytes: maxEventBytes })) {
    if (endedAt !== null && !isTelling.test(line)) continue;
    const event = parseEvent(line);
    if (event === null) continue;
    last ??= event;
    // A resume that is refused before it starts adds an end to those of a session that was long over.
    if (endedAt === null || ends.has(event.type)) endedAt = event.at;
    if (event.type === 'epoch') {
      newest ??= event;
      if (event.isBest) best ??= { epoch: event.epoch, metric, value: event.val[metric] };
    }
    if (event.type === 'run-started') {
      sessions.unshift({ startedAt: event.at, endedAt });
      endedAt = null;
    }
  }
  return {
    ...{ last, best, sessions },
    epochs: newest === null ? 0 : newest.epoch + 1,
    totalEpochs: newest?.epochs ?? null,
  };
}

/** Null for a torn line. */
function parseEvent(line: string): RunEvent | null {
  try {
    const value: unknown = JSON.parse(line);
    const isEvent = typeof value === 'object' && value !== null && 'type' in value && 'at' in value;
    return isEvent ? (value as RunEvent) : null;
  } catch {
    return null;
  }
}
