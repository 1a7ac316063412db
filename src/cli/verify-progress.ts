import type { WriteStream } from 'node:tty';
import { createLogUpdate } from 'log-update';
import type { RunEvent } from '../control/events.js';
import { noticeLines } from './progress/plain.js';
import { duration, plural, printable } from './progress/words.js';
import { fit } from './table-cells.js';

/** Tells of several runs, one after the other: a line for each that ended, and on a terminal where the running one is. */
export interface VerifyProgress {
  readonly onEvent: (workers: number, event: RunEvent) => void;
  /** A line that stays. */
  readonly note: (text: string) => void;
  readonly close: () => void;
}

/** Redraws at most this often. */
const redrawMs = 100;
const tickMs = 1000;

/** Writes to a stream that is not the result's (stderr). */
export function openVerifyProgress(
  stream: NodeJS.WriteStream,
  env: Readonly<Record<string, string | undefined>>,
): VerifyProgress {
  const live = stream.isTTY && env['TERM'] !== 'dumb' ? liveLine(stream) : null;
  const told = new Set<string>();
  const note = (text: string): void => {
    live?.clear();
    stream.write(`${text}\n`);
  };
  return {
    note,
    onEvent(workers, event) {
      // Each run of a configuration says the same: once is enough.
      const lines =
        event.type === 'warning' || event.type === 'files-skipped' ? noticeLines(event) : [];
      const fresh = lines.filter((line) => !told.has(line));
      for (const line of fresh) told.add(line);
      if (fresh.length > 0) note(fresh.join('\n'));
      live?.onEvent(workers, event);
    },
    close: () => live?.close(),
  };
}

function liveLine(stream: WriteStream) {
  const update = createLogUpdate(stream);
  let shown: { readonly workers: number; readonly startedAt: number; words: string } | null = null;
  let drawnAt = 0;

  const draw = (): void => {
    if (shown === null) return;
    drawnAt = Date.now();
    const { workers, words, startedAt } = shown;
    const line = `${plural(workers, 'worker')}: ${words}, ${duration(drawnAt - startedAt)}`;
    update(fit(line, Math.max(8, (stream.columns || 80) - 1)).trimEnd());
  };
  // Without events the clock goes on.
  const timer = setInterval(draw, tickMs);
  timer.unref();
  return {
    onEvent(workers: number, event: RunEvent): void {
      if (event.type === 'run-finished') {
        shown = null; // the clock stands until the next run
        return;
      }
      const words = progressWords(event);
      if (shown?.workers !== workers) {
        shown = { workers, startedAt: Date.now(), words: words ?? 'starting' };
      } else if (words === null) {
        return;
      } else {
        shown.words = words;
      }
      if (Date.now() - drawnAt >= redrawMs) draw();
    },
    clear(): void {
      update.clear();
    },
    close(): void {
      clearInterval(timer);
      update.clear();
      update.done();
    },
  };
}

/** Where a run is, in a few words; null for events that say nothing of it. Pure. */
export function progressWords(event: RunEvent): string | null {
  switch (event.type) {
    case 'run-started':
      return 'starting';
    case 'preparing':
      return printable(event.message).replace(/[. ]+$/, '');
    case 'step':
      return `epoch ${event.epoch + 1}/${event.epochs}, step ${event.step + 1}/${event.steps}`;
    case 'epoch':
      return `epoch ${event.epoch + 1}/${event.epochs} done`;
    default:
      return null;
  }
}
