import { PassThrough } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { describe, expect, it } from 'vitest';
import { openDisplay } from '../../../src/cli/progress/display.js';
import { epoch, events, generation, joined, started } from './support.js';

/** What a terminal of this size is sent. */
function shown(
  size: { columns?: number; rows?: number },
  all: Parameters<typeof events> = [started, epoch(0)],
): string {
  const stream = new PassThrough();
  const terminal = Object.assign(stream, { isTTY: true, hasColors: () => false, ...size });
  const display = openDisplay(terminal as unknown as WriteStream, { TERM: 'xterm' });
  events(...all).forEach(display.onEvent);
  display.close();
  return String(stream.read());
}

describe('the display on a terminal', () => {
  it('is redrawn where the terminal has a size', () => {
    expect(shown({ columns: 80, rows: 24 })).toContain('\u001b[');
  });

  it('keeps a line for each change of the members once rounds have begun', () => {
    const lost = { type: 'worker-lost', slot: 1, cause: 'its connection broke.' } as const;
    const change = [lost, generation([0], 9), joined(1), generation([0, 1], 14)] as const;
    const text = shown({ columns: 80, rows: 24 }, [generation([0, 1]), ...change]);
    expect(text).toContain('worker 1 was lost: its connection broke.\n');
    expect(text).toContain('going on with 1 worker from round 9\n');
    expect(text).toContain('worker 1 has joined; going on with 2 workers from round 14\n');
    expect(text).not.toContain('2 workers are ready');
  });

  it.each([{ columns: 80, rows: 0 }, { columns: 0, rows: 24 }, { columns: 0, rows: 0 }, {}])(
    'is plain lines where it reports %j',
    (size) => {
      expect(shown(size)).toMatch(/^run quickstart-\S+\nepoch 1\/25: [ -~]+\n$/);
    },
  );
});
