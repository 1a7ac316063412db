import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHolder, thisProcess } from '../../../src/util/process-lock.js';
import { makeTemporaryFolder } from '../../../src/util/temporary-folder.js';
import { deadPid, writeLock } from './locks.js';

let parent: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'temporary-folder-'));
});
afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

/** The folders that are there after one more was made, without that one. */
async function othersAfterMaking(): Promise<string[]> {
  const made = await makeTemporaryFolder(parent, '.x-');
  return (await readdir(parent)).filter((name) => name !== basename(made)).sort();
}

async function left(name: string, ageHours = 0): Promise<string> {
  const dir = join(parent, name);
  await mkdir(dir);
  const then = new Date(Date.now() - ageHours * 3600 * 1000);
  await utimes(dir, then, then);
  return dir;
}

describe('a temporary folder', () => {
  it('is locked by the process that made it', async () => {
    const dir = await makeTemporaryFolder(parent, '.x-');
    expect(basename(dir)).toMatch(/^\.x-/);
    expect(await lockHolder(dir)).toEqual(thisProcess());
  });

  it('of a dead process goes when the next one is made, however young', async () => {
    await writeLock(await left('.x-dead'), { ...thisProcess(), pid: await deadPid() });
    expect(await othersAfterMaking()).toEqual([]);
  });

  it('of a living process stays, however old', async () => {
    const dir = await left('.x-living');
    await writeLock(dir, thisProcess());
    const longAgo = new Date(Date.now() - 1000 * 3600 * 1000);
    await utimes(dir, longAgo, longAgo);
    expect(await othersAfterMaking()).toEqual(['.x-living']);
  });

  it('of another machine, or without a lock yet, goes after a day', async () => {
    const far = { pid: 1, host: `not-${hostname()}`, startedAt: null };
    const [youngFar, oldFar] = [await left('.x-far-young'), await left('.x-far-old')];
    for (const dir of [youngFar, oldFar]) await writeLock(dir, far);
    const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
    await utimes(oldFar, yesterday, yesterday);
    await left('.x-bare-young', 23);
    await left('.x-bare-old', 25);
    expect(await othersAfterMaking()).toEqual(['.x-bare-young', '.x-far-young']);
  });

  it('leaves alone what has another prefix', async () => {
    await writeLock(await left('.y-dead'), { ...thisProcess(), pid: await deadPid() });
    expect(await othersAfterMaking()).toEqual(['.y-dead']);
  });
});
