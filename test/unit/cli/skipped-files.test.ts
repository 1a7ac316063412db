import { describe, expect, it } from 'vitest';
import { noticeLines } from '../../../src/cli/progress/plain.js';
import type { RunEvent } from '../../../src/control/events.js';

function notice(total: number, first = 0): string[] {
  const files = Array.from({ length: Math.min(total, 1000) }, (_, i) => ({
    path: `cats/${i}.png`,
    reason: 'the file is empty',
  }));
  const event: RunEvent = {
    at: 0,
    ...{ type: 'files-skipped', total, first, files, listedIn: '/runs/a/events.jsonl' },
  };
  return noticeLines(event);
}

describe('files that were left out, for people', () => {
  it('are named with the reason and the place of the list', () => {
    expect(notice(1)).toEqual([
      'warning: 1 file cannot be used and is left out (data.onBadFile: skip):',
      '  cats/0.png: the file is empty',
      '  listed in /runs/a/events.jsonl ("files-skipped")',
    ]);
  });

  it('are the first five of many, said once', () => {
    const lines = notice(2345);
    expect(lines).toHaveLength(7);
    expect(lines[0]).toBe(
      'warning: 2,345 files cannot be used and are left out (data.onBadFile: skip):',
    );
    expect(lines[5]).toBe('  cats/4.png: the file is empty');
    expect(lines[6]).toBe('  and 2,340 more, all listed in /runs/a/events.jsonl ("files-skipped")');
    expect(notice(2345, 1000)).toEqual([]);
  });
});
