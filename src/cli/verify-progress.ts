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
  let startedAt = Date.now();
  let running = 0;
  let drawnAt = 0;
  return {
    onEvent(workers: number, event: RunEvent): void {
      const now = Date.now();
      if (workers !== running) startedAt = now;
      const isNew = workers !== running;
      running = workers;
      const words = progressWords(event);
      if (words === null || (!isNew && now - drawnAt < redrawMs)) return;
      drawnAt = now;
      const line = `${plural(workers, 'worker')}: ${words}, ${duration(now - startedAt)}`;
      update(fit(line, Math.max(8, (stream.columns || 80) - 1)).trimEnd());
    },
    clear(): void {
      update.clear();
    },
    close(): void {
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
