import { createHash } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/control/events.js';
import { eventsOf, ftctl, launched, startFtctl } from '../support/runs/ftctl.js';
import { makeWorld, type World } from '../support/runs/world.js';

describe('a run that was ended early', () => {
  let world: World;
  let whole: RunResult;

  beforeAll(async () => {
    world = await makeWorld();
    whole = await launched([...world.args, '--set', 'phases.0.epochs=6'], world.env);
  });
  afterAll(() => world.remove());

  it('goes on as a longer one, with other workers, to the digest of the uninterrupted run', async () => {
    const short = await launched([...world.args, '--set', 'phases.0.epochs=3'], world.env);
    const longer = await launched(
      [
        '--runs-dir',
        world.runsDir,
        '--resume',
        short.runId,
        '-w',
        '3',
        '--set',
        'phases.0.epochs=6',
      ],
      world.env,
    );
    expect(longer.digest).toBe(whole.digest);
    expect(longer).toMatchObject({ epochs: 6, val: whole.val, best: whole.best });
    expect(longer.test).toEqual(whole.test);
  });

  it('goes on after Ctrl-C, which leaves a checkpoint and exits 130', async () => {
    const many = ['--set', 'phases.0.epochs=400'];
    const reference = await launched([...world.args, ...many], world.env);
    const { child, finished } = startFtctl(['launch', '--json', ...world.args, ...many], world.env);
    await stepsOf(world.runsDir, reference.runId);
    child.kill('SIGINT');
    const { code, stdout } = await finished;
    const stopped = JSON.parse(stdout) as RunResult;
    expect(code).toBe(130);
    expect(stopped.status).toBe('stopped');
    expect(stopped.steps).toBeLessThan(reference.steps);
    const resumed = await launched(
      ['--runs-dir', world.runsDir, '--resume', stopped.runId],
      world.env,
    );
    expect(resumed.digest).toBe(reference.digest);
  });

  it('ends at once, with the same result, when there is nothing left to do', async () => {
    const noTest = ['--set', 'data.split.train=0.8', '--set', 'data.split.test=0'];
    const finished = await launched([...world.args, ...noTest], world.env);
    const resume = ['--runs-dir', world.runsDir, '--resume', finished.runId, '-w', '3'];
    const resumed = await launched(resume, world.env);
    expect(resumed.digest).toBe(finished.digest);
    const { epochs, steps, samples, train, val, best } = finished;
    expect(resumed).toMatchObject({ status: 'finished', epochs, steps, samples, train, val, best });
    const events = await eventsOf(resumed.runDir);
    const began = events.findLast(({ type }) => type === 'generation')!;
    const ended = events.findLast(({ type }) => type === 'run-finished')!;
    expect(began.at).toBeGreaterThan(events.find(({ type }) => type === 'run-finished')!.at);
    expect(ended.at - began.at).toBeLessThan(10_000);
  });

  it('is not resumed with a setting that would change the bits', async () => {
    const { code, stdout } = await ftctl(
      [
        'launch',
        '--json',
        '--runs-dir',
        world.runsDir,
        '--resume',
        whole.runId,
        '--set',
        'seed=12',
      ],
      world.env,
    );
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'FT_RESUME_MISMATCH' } });
  });

  it('is not resumed on other images', async () => {
    const folder = join(world.images, 'class-0');
    const [name] = (await readdir(folder)).sort();
    await rename(join(folder, name!), join(world.dir, 'away.png'));
    const resume = ['launch', '--json', '--runs-dir', world.runsDir, '--resume', whole.runId];
    const { code, stdout } = await ftctl(resume, world.env);
    await rename(join(world.dir, 'away.png'), join(folder, name!));
    expect(code).toBe(2);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    expect(error.code).toBe('FT_RESUME_MISMATCH');
    expect(error.message).toMatch(/^The images are no longer those that the run began with/);
  });

  it('is not resumed with the journal of a version before phases', async () => {
    const short = await launched([...world.args, '--set', 'phases.0.epochs=1'], world.env);
    const path = join(short.runDir, 'journal.jsonl');
    await writeFile(path, ofBeforePhases(await readFile(path, 'utf8')));
    const resume = ['launch', '--json', '--runs-dir', world.runsDir, '--resume', short.runId];
    const { code, stdout } = await ftctl(resume, world.env);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'FT_JOURNAL_VERSION' } });
  });
});

/** A journal with the records that there were when a run had one backbone, chained as they should be. */
function ofBeforePhases(journal: string): string {
  let prev = '0'.repeat(64);
  const lines = journal
    .trimEnd()
    .split('\n')
    .map((line) => {
      const text = line
        .replace(/"hash":"[0-9a-f]{64}",/, '')
        .replace('modelHash', 'backboneSha256');
      const body = JSON.stringify({ ...(JSON.parse(text) as object), prev });
      prev = createHash('sha256').update(body).digest('hex');
      return `{"hash":"${prev}",${body.slice(1)}\n`;
    });
  return lines.join('');
}

/** Waits until the newest run, which is not `other`, has finished an epoch. */
async function stepsOf(runsDir: string, other: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const newest = (await readdir(runsDir))
      .sort()
      .filter((id) => !id.startsWith('.'))
      .at(-1);
    if (newest !== undefined && newest !== other) {
      const events = await eventsOf(join(runsDir, newest)).catch(() => []);
      if (events.some((event) => event.type === 'epoch')) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('no run made an epoch within 30 s');
}
