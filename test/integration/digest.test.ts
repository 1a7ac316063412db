import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/control/events.js';
import { eventsOf, launched } from '../support/runs/ftctl.js';
import { makeWorld, type World } from '../support/runs/world.js';

describe('the digest of a run', () => {
  let world: World;
  let one: RunResult;

  beforeAll(async () => {
    world = await makeWorld();
    one = await launched([...world.args, '--workers', '1'], world.env);
  });
  afterAll(() => world.remove());

  it.each([2, 3, 4, 7])('is that of one worker for %i workers', async (workers) => {
    const run = await launched([...world.args, '--workers', String(workers)], world.env);
    expect(run.digest).toBe(one.digest);
    expect(run).toMatchObject({ workers, steps: one.steps, train: one.train, val: one.val });
    expect(run.test).toEqual(one.test);
    expect(run.best).toEqual(one.best);
  });

  it('does not depend on the caches', async () => {
    const off = ['--set', 'cache.features=false', '--set', 'cache.images=false'];
    const run = await launched([...world.args, '--workers', '3', ...off], world.env);
    expect(run.digest).toBe(one.digest);
    const [epoch] = (await eventsOf(run.runDir)).filter((event) => event.type === 'epoch');
    expect(epoch).toMatchObject({ type: 'epoch' });
    expect(epoch?.rowsComputed).toBeGreaterThan(0);
  });

  it('depends on the seed', async () => {
    const run = await launched([...world.args, '--workers', '2', '--set', 'seed=12'], world.env);
    expect(run.digest).not.toBe(one.digest);
  });

  it('is of a run in which the workers share the backbone work out', async () => {
    const cold = await makeWorld();
    try {
      const run = await launched([...cold.args, '--workers', '3'], cold.env);
      expect(run.digest).toBe(one.digest);
      const computed = await rowsComputed(run.runDir);
      // 57 images: those to train on in two views, those of val and test in one. None is computed twice.
      const data = (await eventsOf(run.runDir)).find((event) => event.type === 'data-ready')!;
      expect(data.train + data.val + data.test).toBe(57);
      expect(computed.reduce((a, b) => a + b)).toBe(data.train * 2 + data.val + data.test);
      expect(computed).toHaveLength(3);
      expect(Math.min(...computed)).toBeGreaterThan(0);
    } finally {
      await cold.remove();
    }
  });
});

/** Each worker's total, of its last line. */
async function rowsComputed(runDir: string): Promise<number[]> {
  const bySlot = new Map<number, number>();
  for (const line of (await readFile(join(runDir, 'metrics.jsonl'), 'utf8')).trim().split('\n')) {
    const entry = JSON.parse(line) as { type: string; slot: number; rowsComputed: number };
    if (entry.type === 'worker') bySlot.set(entry.slot, entry.rowsComputed);
  }
  return [...bySlot.values()];
}
