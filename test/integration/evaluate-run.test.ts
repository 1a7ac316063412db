import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Evaluation } from '../../src/cli/inference-from-cli.js';
import type { RunResult } from '../../src/control/events.js';
import { eventsOf, ftctl, launched } from '../support/runs/ftctl.js';
import { makeWorld, type World } from '../support/runs/world.js';

let world: World;
let result: RunResult;
beforeAll(async () => {
  world = await makeWorld();
  result = await launched([...world.args, '--workers', '1'], world.env);
});
afterAll(() => world.remove());

const evaluate = (...args: string[]): ReturnType<typeof ftctl> =>
  ftctl(['evaluate', ...args, '--json'], world.env);

it("a run's own splits are scored to the run's own scores, with no data named", async () => {
  const scored = async (split: string): Promise<Evaluation> => {
    const { code, stdout } = await evaluate(result.runDir, '--split', split);
    expect(code).toBe(0);
    return JSON.parse(stdout) as Evaluation;
  };
  const ready = (await eventsOf(result.runDir)).find((event) => event.type === 'data-ready')!;
  const val = await scored('val');
  expect([val.split, val.samples]).toEqual(['val', ready.val]);
  expect(result.best!.metric).toBe('accuracy');
  expect(val.accuracy).toBe(result.best!.value);
  const test = await scored('test');
  expect([test.split, test.samples]).toEqual(['test', ready.test]);
  expect(test.accuracy).toBe(result.test!.accuracy);
  expect(test.loss).toBeCloseTo(result.test!.loss, 4);
});

it('a model without its run, or a run whose images are others, is refused', async () => {
  const copied = join(world.dir, 'copied');
  await cp(join(result.runDir, 'model'), copied, { recursive: true });
  const alone = await evaluate(copied);
  expect(JSON.parse(alone.stdout)).toMatchObject({
    error: {
      code: 'FT_USAGE',
      message: `--data is missing, and ${copied} is not in a run folder. Only a run says what it was trained on.`,
    },
  });
  await rm(join(world.images, 'class-0', '000.png'));
  const changed = await evaluate(result.runDir);
  expect(changed.code).toBe(3);
  expect(JSON.parse(changed.stdout)).toMatchObject({ error: { code: 'FT_DATA_INTEGRITY' } });
});
