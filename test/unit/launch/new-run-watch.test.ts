import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/control/events.js';
import { FtctlError, type ErrorCode } from '../../../src/errors/index.js';
import { NewRunWatch } from '../../../src/launch/new-run-watch.js';

const preparing: RunEvent[] = [
  { at: 1, type: 'run-started', runId: 'r', term: 1, resumedFromRound: 0 },
  ...[
    { at: 2, type: 'preparing', what: 'manifest', message: '', done: 1, total: 2, unit: 'files' },
    { at: 3, type: 'warning', message: 'something' },
  ].map((event) => event as RunEvent),
];

function isRefusal(code: ErrorCode, events: readonly RunEvent[]): boolean {
  const watch = new NewRunWatch();
  for (const event of events) watch.onEvent(event);
  return watch.isRefusal(new FtctlError(code, { what: 'It cannot be.' }));
}

describe('an error that ends a new run', () => {
  it.each(['FT_DATA_NOT_FOUND', 'FT_DATA_MANIFEST_ROW', 'FT_WEIGHTS_SOURCE', 'FT_PORT_IN_USE'])(
    'is a refusal while the run is being prepared: %s',
    (code) => {
      expect(isRefusal(code as ErrorCode, preparing)).toBe(true);
    },
  );

  it.each(['FT_PROCESS_START', 'FT_WORKER_LOST', 'FT_INTERNAL', 'FT_INTERRUPTED'])(
    'is none where a log has more to say: %s',
    (code) => {
      expect(isRefusal(code as ErrorCode, preparing)).toBe(false);
    },
  );

  it('is none once there are events that are worth keeping', () => {
    const skipped: RunEvent = {
      ...{ at: 4, type: 'files-skipped', total: 1, first: 0 },
      ...{ files: [{ path: 'a', reason: 'b' }], listedIn: 'events.jsonl' },
    };
    const generation: RunEvent = {
      ...{ at: 5, type: 'generation', generation: '1.1', members: [], round: 0, reason: 'start' },
    };
    expect(isRefusal('FT_SPLIT_EMPTY', [...preparing, skipped])).toBe(false);
    expect(isRefusal('FT_DATA_BAD_FILES', [...preparing, generation])).toBe(false);
  });
});
