import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLog } from '../../../src/util/log.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const now = () => new Date('2025-03-04T05:06:07.890Z');
const lines = async (path: string) =>
  (await readFile(path, 'utf8'))
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a log file', () => {
  it('says on each line who speaks, and where in the run', async () => {
    const path = join(dir, 'worker-2.log');
    const log = openLog({ path, rank: 2, now });
    log.info('Starting.');
    log.place({ generation: '1.3', round: 40 });
    log.warn('A file is slow.', { path: 'a.png', ms: 1200 });
    log.debug('not at this level');
    log.info('Going on.');
    log.close();
    log.info('after the end');
    const time = '2025-03-04T05:06:07.890Z';
    expect(await lines(path)).toEqual([
      { level: 'info', time, rank: 2, generation: null, round: null, message: 'Starting.' },
      {
        level: 'warn',
        time,
        rank: 2,
        generation: '1.3',
        round: 40,
        path: 'a.png',
        ms: 1200,
        message: 'A file is slow.',
      },
      { level: 'info', time, rank: 2, generation: '1.3', round: 40, message: 'Going on.' },
    ]);
  });

  it('has an error with its stack on disk at once', async () => {
    const path = join(dir, 'worker-0.log');
    const log = openLog({ path, rank: 0, now });
    log.error('It broke.', { error: new TypeError('x is not a function') });
    const [line] = await lines(path);
    expect(line).toMatchObject({
      level: 'error',
      message: 'It broke.',
      error: { type: 'TypeError', message: 'x is not a function' },
    });
    expect((line?.['error'] as { stack: string }).stack).toContain('log.test.ts');
    log.close();
  });

  it('adds to what is there', async () => {
    const path = join(dir, 'coordinator.log');
    for (const message of ['first life', 'second life']) {
      const log = openLog({ path, now });
      log.info(message);
      log.close();
    }
    expect((await lines(path)).map(({ message, rank }) => ({ message, rank }))).toEqual([
      { message: 'first life', rank: null },
      { message: 'second life', rank: null },
    ]);
  });

  it('says why it cannot be opened', () => {
    const path = join(dir, 'absent', 'a.log');
    expect(() => openLog({ path })).toThrow(
      `Cannot write ${path}: its folder does not exist (ENOENT).`,
    );
  });

  it('does not end its process when the disk is full', async () => {
    const path = join(dir, 'full.log');
    await symlink('/dev/full', path);
    const log = openLog({ path, now });
    for (let n = 0; n < 2000; n += 1) log.info('x'.repeat(2000));
    log.error('now');
    await new Promise((resolve) => setTimeout(resolve, 50));
    log.close();
  });

  it('is whole after process.exit', async () => {
    const path = join(dir, 'exit.log');
    const module = new URL('../../../dist/util/log.js', import.meta.url).href;
    const script = `
      import { openLog } from ${JSON.stringify(module)};
      const log = openLog({ path: process.argv[1] });
      for (let n = 0; n < 100; n += 1) log.info('line ' + n);
      process.exit(3);`;
    const args = ['--input-type=module', '-e', script, path];
    await expect(promisify(execFile)(process.execPath, args)).rejects.toMatchObject({ code: 3 });
    expect((await lines(path)).map(({ message }) => message)).toEqual(
      Array.from({ length: 100 }, (_, n) => `line ${String(n)}`),
    );
  });
});
