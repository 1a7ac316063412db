import type { WriteStream } from 'node:tty';
import { createLogUpdate } from 'log-update';
import type { RunEvent } from '../../control/events.js';
import { liveEpochLine, renderLive } from './live.js';
import { changeLines, noticeLines, plainLines } from './plain.js';
import { initialProgress, progressAfter } from './progress-state.js';

/** Shows the progress of a run on a stream that is not the result's (stderr). */
export interface Display {
  readonly onEvent: (event: RunEvent) => void;
  /** Shows a line of the command's own. */
  readonly note: (text: string) => void;
  /** Takes the live part away; no event may follow. */
  readonly close: () => void;
}

/** A live display on a terminal that can move its cursor and says how large it is, else plain lines. */
export function openDisplay(
  stream: NodeJS.WriteStream,
  env: Readonly<Record<string, string | undefined>>,
): Display {
  const isLive = stream.isTTY && env['TERM'] !== 'dumb' && hasSize(stream);
  return isLive ? liveDisplay(stream) : plainDisplay(stream);
}

/** Serial lines and some containers report 0 rows or columns: nothing can be redrawn there. */
function hasSize({ columns, rows }: WriteStream): boolean {
  return columns > 0 && rows > 0; // undefined where the size could not be had
}

/** One line after another: for logs and pipes. */
export function plainDisplay(stream: NodeJS.WritableStream): Display {
  let state = initialProgress;
  const note = (text: string): void => {
    stream.write(`${text}\n`);
  };
  return {
    onEvent(event) {
      plainLines(state, event).forEach(note);
      state = progressAfter(state, event);
    },
    note,
    close: () => undefined,
  };
}

/** Redraws at most this often; in between events only change the state. */
const redrawMs = 100;
/** Without events the clock in the heading goes on at this pace. */
const tickMs = 1000;

function liveDisplay(stream: WriteStream): Display {
  const update = createLogUpdate(stream);
  let state = initialProgress;
  let drawnAt = 0;
  let isStale = true;

  const draw = (): void => {
    if (!hasSize(stream)) return; // it may have shrunk to nothing
    const now = Date.now();
    if (!isStale && now - drawnAt < tickMs) return;
    const shown = state.now === null ? state : { ...state, now: Math.max(now, state.now) };
    update(renderLive(shown, stream.columns, stream.hasColors()).join('\n'));
    drawnAt = now;
    isStale = false;
  };
  /** Above the live part, to stay. */
  const note = (text: string): void => {
    update.clear();
    stream.write(`${text}\n`);
    isStale = true;
    draw();
  };
  const onResize = (): void => {
    isStale = true;
  };
  const timer = setInterval(draw, redrawMs);
  timer.unref();
  stream.on('resize', onResize);
  draw();

  return {
    onEvent(event) {
      const before = state;
      state = progressAfter(state, event);
      isStale = true;
      const kept =
        event.type === 'epoch'
          ? [liveEpochLine(event, stream.columns)]
          : [...noticeLines(event), ...changeLines(before, event)];
      if (kept.length > 0) note(kept.join('\n'));
    },
    note,
    close() {
      clearInterval(timer);
      stream.off('resize', onResize);
      update.clear();
      update.done();
    },
  };
}
