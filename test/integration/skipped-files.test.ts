import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventsOf, ftctl } from '../support/runs/ftctl.js';
import { makeWorld, type World } from '../support/runs/world.js';

let world: World;
beforeAll(async () => {
  world = await makeWorld({ perClass: 6 });
});
afterAll(() => world.remove());

it('tells of each file that a run leaves out, on the terminal and in its events', async () => {
  await writeFile(join(world.images, 'class-1', '003.png'), 'hello');
  const sets = ['--set', 'data.onBadFile=skip', '--set', 'phases.0.epochs=1'];
  const { code, stdout, stderr } = await ftctl(['launch', ...world.args, ...sets], world.env);
  expect(code, stderr).toBe(0);
  const reason = 'it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image';
  expect(stdout + stderr).toContain(`  class-1/003.png: ${reason}\n`);
  const [, runDir] = /model is in (\S+)\/model/.exec(stdout + stderr)!;
  const events = await eventsOf(runDir!);
  expect(events.filter(({ type }) => type === 'files-skipped')).toMatchObject([
    { total: 1, files: [{ path: 'class-1/003.png', reason }] },
  ]);
});
