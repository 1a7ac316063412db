import { describe, expect, it } from 'vitest';
import { Closers } from '../../../src/util/closers.js';

describe('what has been opened', () => {
  it('is closed last first, one after the other, and once', async () => {
    const closers = new Closers();
    const log: string[] = [];
    for (const name of ['a', 'b']) {
      closers.add(async () => {
        log.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        log.push(`${name} ends`);
      });
    }
    await closers.closeAll();
    await closers.closeAll();
    expect(log).toEqual(['b begins', 'b ends', 'a begins', 'a ends']);
  });

  it('is closed also when another cannot be', async () => {
    const closers = new Closers();
    let isClosed = false;
    closers.add(() => {
      isClosed = true;
    });
    closers.add(() => Promise.reject(new Error('stuck')));
    closers.add(() => {
      throw new Error('stuck');
    });
    await closers.closeAll();
    expect(isClosed).toBe(true);
  });

  it('is closed at once when all else was closed while it was being opened', async () => {
    const closers = new Closers();
    await closers.closeAll();
    let isClosed = false;
    closers.add(() => {
      isClosed = true;
    });
    expect(isClosed).toBe(true);
  });
});
