import type { RunEventBody } from '../control/events.js';
import type { BadFile } from '../data/manifest.js';

/** Files of one event: with long paths some 500 kB, of the 32 MiB that a control message may have. */
const filesPerEvent = 1000;

/** Tells of all files that were left out, in as many events as it takes; `listedIn` is where these are kept. */
export function skippedEvents(skipped: readonly BadFile[], listedIn: string): RunEventBody[] {
  const events: RunEventBody[] = [];
  for (let first = 0; first < skipped.length; first += filesPerEvent) {
    const files = skipped.slice(first, first + filesPerEvent);
    events.push({ type: 'files-skipped', total: skipped.length, first, files, listedIn });
  }
  return events;
}
