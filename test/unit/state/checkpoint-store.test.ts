import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { CheckpointStore } from '../../../src/state/checkpoint-store.js';
import { encodeSnapshot, openSnapshot } from '../../../src/state/snapshot.js';
import type { Snapshot } from '../../../src/train/trainer.js';
import { sampleState } from '../../support/train/sample-state.js';

let dir: string;
let checkpointsDir: string;
let bestDir: string;
let store: CheckpointStore;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-checkpoints-'));
  checkpointsDir = join(dir, 'checkpoints');
  bestDir = join(dir, 'best');
  store = new CheckpointStore({ checkpointsDir, bestDir });
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function snapshotAt(round: number): Snapshot {
  return encodeSnapshot({ ...sampleState(), round });
}

/** Round of the intact state in a file. */
async function roundIn(path: string): Promise<number> {
  return (await openSnapshot(await readFile(path))).round;
}

async function failure(work: Promise<unknown>): Promise<FtctlError> {
  return FtctlError.from(
    await work.then(
      () => {
        throw new Error('Nothing failed.');
      },
      (error: unknown) => error,
    ),
  );
}

describe('CheckpointStore', () => {
  it('keeps the last two checkpoints, and the final and best states apart', async () => {
    await store.write('best', snapshotAt(48), 0);
    for (const epoch of [0, 1, 2, 11]) {
      await store.write('checkpoint', snapshotAt((epoch + 1) * 48), epoch);
    }
    await store.write('final', snapshotAt(577), 11);
    expect((await readdir(checkpointsDir)).sort()).toEqual([
      'epoch-0003-round-000144.ckpt',
      'epoch-0012-round-000576.ckpt',
      'final.ckpt',
    ]);
    expect(await readdir(bestDir)).toEqual(['best.ckpt']);
    const newest = await store.newestIntact();
    expect(newest).toMatchObject({
      snapshot: snapshotAt(576),
      path: join(checkpointsDir, 'epoch-0012-round-000576.ckpt'),
      damaged: [],
    });
    expect(await roundIn(join(checkpointsDir, 'final.ckpt'))).toBe(577);
    expect(await roundIn(join(bestDir, 'best.ckpt'))).toBe(48);
  });

  it('orders checkpoints by round, not by name', async () => {
    await store.write('checkpoint', snapshotAt(999_999), 9998);
    await store.write('checkpoint', snapshotAt(1_000_000), 9999);
    expect((await store.newestIntact())?.snapshot.round).toBe(1_000_000);
  });

  it('passes over damaged checkpoints and names them', async () => {
    await store.write('checkpoint', snapshotAt(48), 0);
    const newer = await store.write('checkpoint', snapshotAt(96), 1);
    await truncate(newer, 100);
    const empty = join(checkpointsDir, 'epoch-0003-round-000144.ckpt');
    await writeFile(empty, '');
    const found = await store.newestIntact();
    expect(found?.snapshot).toMatchObject(snapshotAt(48));
    expect(found?.damaged).toEqual([empty, newer]);
  });

  it('leaves newer, damaged checkpoints in place until it writes them again', async () => {
    const damaged = await store.write('checkpoint', snapshotAt(144), 2);
    await writeFile(damaged, 'rubbish');
    await store.write('checkpoint', snapshotAt(48), 0);
    await store.write('checkpoint', snapshotAt(96), 1);
    expect((await store.newestIntact())?.snapshot.round).toBe(96);
    await store.write('checkpoint', snapshotAt(144), 2);
    expect((await store.newestIntact())?.snapshot.round).toBe(144);
    expect(await readdir(checkpointsDir)).toHaveLength(2);
  });

  it('has nothing to resume from where nothing was written', async () => {
    expect(await store.newestIntact()).toBeUndefined();
  });

  it('has come to the newest of its final state and its checkpoints', async () => {
    expect(await store.reached()).toBeUndefined();
    await store.write('checkpoint', snapshotAt(96), 1);
    expect((await store.reached())?.round).toBe(96);
    await store.write('final', snapshotAt(97), 1);
    expect((await store.reached())?.round).toBe(97);
    // The finished run goes on with more epochs.
    await store.write('checkpoint', snapshotAt(144), 2);
    expect((await store.reached())?.round).toBe(144);
    await writeFile(join(checkpointsDir, 'final.ckpt'), 'damaged');
    expect((await store.reached())?.round).toBe(144);
  });

  it('refuses to resume where every checkpoint is damaged', async () => {
    const path = await store.write('checkpoint', snapshotAt(48), 0);
    await writeFile(path, 'rubbish');
    const error = await failure(store.newestIntact());
    expect(error.code).toBe('FT_CHECKPOINT_DAMAGED');
    expect(error.message).toBe(`No checkpoint can be used: ${path} is damaged.`);
  });

  it('does not pass over a checkpoint of another format version, which is not damaged', async () => {
    await store.write('checkpoint', snapshotAt(48), 0);
    const path = await store.write('checkpoint', snapshotAt(96), 1);
    const body = (await readFile(path)).subarray(0, -32);
    body.writeUInt32LE(3, 8);
    await writeFile(path, Buffer.concat([body, createHash('sha256').update(body).digest()]));
    expect((await failure(store.newestIntact())).code).toBe('FT_CHECKPOINT_VERSION');
  });

  it('writes in the order in which it was asked', async () => {
    await Promise.all([1, 2, 3, 4, 5].map((round) => store.write('best', snapshotAt(round), 0)));
    expect(await roundIn(join(bestDir, 'best.ckpt'))).toBe(5);
  });

  it('goes on writing after a write that failed', async () => {
    await writeFile(join(dir, 'best'), 'a file where the folder should be');
    const failed = failure(store.write('best', snapshotAt(1), 0));
    const written = await store.write('checkpoint', snapshotAt(2), 0);
    const error = await failed;
    expect(error.code).toBe('FT_NOT_WRITABLE');
    expect(error.message).toBe(
      `Cannot write ${join(bestDir, 'best.ckpt')}: a file lies where its folder should be (EEXIST).`,
    );
    expect((await readFile(written)).length).toBeGreaterThan(0);
  });

  it('removes what a killed writer left, and nothing else', async () => {
    await store.write('checkpoint', snapshotAt(48), 0);
    await writeFile(join(checkpointsDir, '.final.ckpt.123-4.tmp'), 'half');
    await store.removeLeftovers();
    expect(await readdir(checkpointsDir)).toEqual(['epoch-0001-round-000048.ckpt']);
  });

  it('counts a checkpoint that cannot be read as damaged', async () => {
    await store.write('checkpoint', snapshotAt(48), 0);
    const path = join(checkpointsDir, 'epoch-0002-round-000096.ckpt');
    await mkdir(path);
    const found = await store.newestIntact();
    expect(found?.snapshot.round).toBe(48);
    expect(found?.damaged).toEqual([path]);
  });
});
