import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHolder, takeProcessLock, thisProcess } from '../../../src/util/process-lock.js';
import { deadPid } from './locks.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const locks = async () => (await readdir(dir)).filter((name) => name.startsWith('lock.')).sort();

describe('a process lock', () => {
  it('is held by one until it is released', async () => {
    const taken = await takeProcessLock(dir);
    if (!('lock' in taken)) throw new Error('the lock was refused');
    expect(await lockHolder(dir)).toEqual(thisProcess());
    expect(await takeProcessLock(dir)).toEqual({ heldBy: thisProcess() });
    await taken.lock.release();
    expect(await lockHolder(dir)).toBeUndefined();
    expect(await locks()).toEqual([]);
  });

  it('is taken over from a dead process, whose file goes', async () => {
    const dead = { pid: await deadPid(), host: hostname(), startedAt: null };
    await writeFile(join(dir, 'lock.4'), JSON.stringify(dead));
    expect(await takeProcessLock(dir)).toHaveProperty('lock');
    expect(await locks()).toEqual(['lock.5']);
  });

  it('is taken over from a process whose pid now belongs to another', async () => {
    if (thisProcess().startedAt === null) return; // this system does not tell
    await writeFile(join(dir, 'lock.1'), JSON.stringify({ ...thisProcess(), startedAt: '1' }));
    expect(await takeProcessLock(dir)).toHaveProperty('lock');
  });

  it('is never taken from a process on another machine', async () => {
    const far = { pid: await deadPid(), host: `not-${hostname()}`, startedAt: null };
    await writeFile(join(dir, 'lock.1'), JSON.stringify(far));
    expect(await takeProcessLock(dir)).toEqual({ heldBy: far });
  });

  it('respects a file that is just being written, and not one that was left so', async () => {
    await writeFile(join(dir, 'lock.1'), '');
    expect(await takeProcessLock(dir)).toEqual({ heldBy: null });
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(join(dir, 'lock.1'), longAgo, longAgo);
    expect(await takeProcessLock(dir)).toHaveProperty('lock');
  });

  it('goes to at most one of many that take over at once', async () => {
    const dead = { pid: await deadPid(), host: hostname(), startedAt: null };
    let numWon = 0;
    for (let round = 0; round < 20; round += 1) {
      await writeFile(join(dir, 'lock.1'), JSON.stringify(dead));
      const taken = await Promise.all(Array.from({ length: 8 }, () => takeProcessLock(dir)));
      const won = taken.filter((result) => 'lock' in result);
      expect(won.length).toBeLessThanOrEqual(1);
      numWon += won.length;
      for (const { lock } of won) await lock.release();
      for (const name of await locks()) await rm(join(dir, name));
    }
    expect(numWon).toBeGreaterThan(10); // all may yield to each other, but rarely do
  });
});
