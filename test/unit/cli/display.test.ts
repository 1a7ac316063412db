import { PassThrough } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { describe, expect, it } from 'vitest';
import { openDisplay } from '../../../src/cli/progress/display.js';
import { epoch, events, started } from './support.js';

/** What a terminal of this size is sent. */
function shown(size: { columns?: number; rows?: number }): string {
  const stream = new PassThrough();
  const terminal = Object.assign(stream, { isTTY: true, hasColors: () => false, ...size });
  const display = openDisplay(terminal as unknown as WriteStream, { TERM: 'xterm' });
  events(started, epoch(0)).forEach(display.onEvent);
  display.close();
  return String(stream.read());
}

describe('the display on a terminal', () => {
  it('is redrawn where the terminal has a size', () => {
    expect(shown({ columns: 80, rows: 24 })).toContain('\u001b[');
  });

  it.each([{ columns: 80, rows: 0 }, { columns: 0, rows: 24 }, { columns: 0, rows: 0 }, {}])(
    'is plain lines where it reports %j',
    (size) => {
      expect(shown(size)).toMatch(/^run quickstart-\S+\nepoch 1\/25: [ -~]+\n$/);
    },
  );
});
