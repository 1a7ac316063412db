import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { liveEpochLine, renderLive } from '../../../src/cli/progress/live.js';
import { initialProgress, type ProgressState } from '../../../src/cli/progress/progress-state.js';
import {
  dataReady,
  epoch,
  events,
  generation,
  joined,
  preparing,
  started,
  state,
  stateAfter,
  step,
} from './support.js';

const moments: Record<string, ProgressState> = {
  'before the first event': initialProgress,
  'while data is fetched': stateAfter(
    events(started, preparing('fetching emoji-datasource-google', 12_345_678, 45_100_000)),
  ),
  'while something of unknown length is read': stateAfter(
    events(started, preparing('reading files', 512, 0, 'files')),
  ),
  'while the workers prepare': stateAfter(
    events(
      started,
      dataReady,
      joined(0),
      joined(1),
      joined(2),
      joined(3),
      generation([0, 1, 2, 3]),
    ),
  ),
  'in the middle of an epoch': stateAfter(
    events(
      started,
      dataReady,
      ...[0, 1, 2, 3].map(joined),
      generation([0, 1, 2, 3]),
      ...[0, 1, 2, 3].map((slot) => state(slot, 'training')),
      step(0, 45),
      epoch(0, true),
      step(1, 5),
      step(1, 11),
    ),
  ),
  'after a worker was lost': stateAfter(
    events(
      started,
      joined(0),
      joined(1),
      generation([0, 1]),
      state(0, 'training'),
      state(1, 'training'),
      step(0, 3),
      { type: 'worker-lost', slot: 1, cause: 'exited with code 1' },
    ),
  ),
  'with sixteen workers': stateAfter(
    events(
      started,
      ...Array.from({ length: 16 }, (_, slot) => joined(slot)),
      ...Array.from({ length: 16 }, (_, slot) => state(slot, 'preparing')),
    ),
  ),
  'with a hundred workers': stateAfter(
    events(
      started,
      ...Array.from({ length: 100 }, (_, slot) => joined(slot)),
      ...Array.from({ length: 97 }, (_, slot) => state(slot, 'training')),
    ),
  ),
};

describe('the live display', () => {
  it.each(Object.entries(moments))('at 80 and 120 columns, %s', (_name, progress) => {
    for (const columns of [80, 120]) {
      expect(`${renderLive(progress, columns).join('\n')}\n`).toMatchSnapshot(`${columns} columns`);
    }
  });

  it('is narrower than the terminal at any width, for any text, with and without colour', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('\u001b[2J\u001b[1;1H', 'a\nb\rc\tz', '\u5bfe\u7167'.repeat(60)),
    );
    const stages = fc.array(text, { maxLength: 40 });
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 200 }),
        text,
        stages,
        fc.boolean(),
        fc.boolean(),
        (columns, message, workerStages, isTraining, color) => {
          const progress = stateAfter(
            events(
              { ...started, runId: message } as typeof started,
              preparing(message, 5, 10),
              ...workerStages.map((stage, slot) => state(slot, stage)),
              ...(isTraining ? [step(3, 7), epoch(3, true)] : []),
            ),
          );
          for (const line of renderLive(progress, columns, color)) {
            const plain = stripVTControlCharacters(line);
            expect(stringWidth(plain)).toBeLessThan(columns);
            // Nothing but colours may reach the terminal.
            /* eslint-disable no-control-regex */
            expect(line.replaceAll(/\u001b\[\d+m/g, '')).not.toMatch(
              /[\u0000-\u001f\u007f-\u009f]/,
            );
            /* eslint-enable no-control-regex */
          }
        },
      ),
    );
  });

  it('has no escape sequence without colour, and the same letters with it', () => {
    for (const progress of Object.values(moments)) {
      const plain = renderLive(progress, 80);
      expect(plain.join('')).not.toContain('\u001b');
      expect(renderLive(progress, 80, true).map(stripVTControlCharacters)).toEqual(plain);
    }
    expect(renderLive(moments['in the middle of an epoch']!, 80, true).join('')).toContain(
      '\u001b',
    );
  });

  it('leaves a line for each epoch that fits in 80 columns', () => {
    const [first] = events(epoch(0, true)) as Parameters<typeof liveEpochLine>[0][];
    expect(liveEpochLine(first!, 80)).toBe(
      'epoch  1/25: loss 0.9000 acc 0.710, val loss 1.0100 acc 0.700 best, 4.2 s',
    );
    const large = { ...first!, epoch: 998, epochs: 1000, seconds: 754 };
    expect(liveEpochLine(large, 80)).toHaveLength(79);
  });

  it('is never higher than nine lines', () => {
    for (const progress of Object.values(moments)) {
      expect(renderLive(progress, 80).length).toBeLessThanOrEqual(9);
    }
  });
});
