import { describe, expect, it } from 'vitest';
import { skippedEvents } from '../../../src/coordinator/skipped-files.js';

describe('the events of files that were left out', () => {
  it('are none where there are no such files', () => {
    expect(skippedEvents([], 'events.jsonl')).toEqual([]);
  });

  it('have every file once, in order, however many there are', () => {
    const skipped = Array.from({ length: 2500 }, (_, i) => ({ path: `${i}.png`, reason: 'empty' }));
    const events = skippedEvents(skipped, 'run/events.jsonl').flatMap((event) =>
      event.type === 'files-skipped' ? [event] : [],
    );
    expect(events.flatMap(({ files }) => files)).toEqual(skipped);
    expect(events.map(({ first, files }) => [first, files.length])).toEqual([
      [0, 1000],
      [1000, 1000],
      [2000, 500],
    ]);
    for (const { total, listedIn } of events)
      expect([total, listedIn]).toEqual([2500, 'run/events.jsonl']);
  });
});
