import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeWorld, type World } from '../support/runs/world.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

let world: World;
beforeAll(async () => {
  world = await makeWorld({ perClass: 6 });
});
afterAll(() => world.remove());

it('the example of docs/library.md runs as it is', async () => {
  const text = await readFile(join(root, 'docs', 'library.md'), 'utf8');
  const [, example] = /```js\n([\s\S]*?)```/.exec(text)!;
  await mkdir(join(world.dir, 'node_modules'));
  await symlink(root, join(world.dir, 'node_modules', 'ftctl'));
  await writeFile(join(world.dir, 'example.mjs'), example!);
  await writeFile(join(world.dir, 'flowers.yaml'), await readFile(world.config));
  await sharp(join(world.images, 'class-0', '000.png')).toFile(join(world.dir, 'photo.png'));
  const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], {
    cwd: world.dir,
    env: { ...process.env, ...world.env },
  });
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/^epoch 1: [01](\.\d+)?$/),
    expect.stringMatching(/^epoch 2: [01](\.\d+)?$/),
    expect.stringMatching(/^finished: class-\d$/),
    '',
  ]);
});
