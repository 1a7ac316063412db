import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { runLaunch } from '../../../src/launch/run-launch.js';
import { RunFolder } from '../../../src/state/run-folder.js';
import { fakeConfig, fakePorts, isAlive, pidsOf } from '../../support/launch/fake-launch.js';
import { useRunsDir } from '../../support/launch/launch-fakes.js';

const runs = useRunsDir();
const { launchFakes } = runs;

describe('a launcher that is killed', () => {
  it('leaves no process, not even one that hangs, and its run can be taken over at once', async () => {
    const script = fileURLToPath(
      new URL('../../support/launch/launch-process.mjs', import.meta.url),
    );
    const env = {
      ...process.env,
      FAKE: JSON.stringify({ steps: 100_000, workers: { 1: 'stubborn' } }),
    };
    const launcher = spawn(process.execPath, [script, runs.path], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    launcher.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await expect.poll(() => output, { timeout: 20_000 }).toContain('step');
    const run = await RunFolder.open(runs.path, 'fake');
    const pids = pidsOf(run.dir);
    expect(pids.filter(isAlive)).toHaveLength(3);
    const another = runLaunch(fakeConfig(2), { runsDir: runs.path, resume: run.id }, fakePorts({}));
    await expect(another).rejects.toMatchObject({ code: 'FT_RUN_IN_USE' });

    launcher.kill('SIGKILL');
    await once(launcher, 'exit');
    const { result } = await launchFakes({}, { resume: run.id });
    expect(result).toMatchObject({ status: 'finished' });
    await expect.poll(() => pids.filter(isAlive), { timeout: 6000 }).toEqual([]);
  });
});

describe('resuming a run', () => {
  it('checks the old configuration, keeps it, and forgets the old end', async () => {
    const first = await launchFakes({ steps: 100, workers: { 1: 'sigkill' } });
    const seen: unknown[] = [];
    const ports = fakePorts(
      {},
      {},
      {
        checkResumable: (before, now) => seen.push(before.name, now.workers.count),
      },
    );
    const config = fakeConfig(2, 'a: 2\n');
    const result = await runLaunch(config, { runsDir: runs.path, resume: first.run.id }, ports);
    expect(result).toMatchObject({ runId: first.run.id, status: 'finished' });
    expect(seen).toEqual(['fake', 2]);
    expect(await readFile(first.run.configPath, 'utf8')).toBe('a: 2\n');
    expect(await readFile(join(first.run.dir, 'config.1.yaml'), 'utf8')).toBe('a: 1\n');
    expect(await first.run.summary()).toMatchObject({ status: 'finished', error: null });
  });

  it('changes nothing when the configurations do not fit', async () => {
    const first = await launchFakes({});
    const before = await readFile(first.run.resultPath, 'utf8');
    const ports = fakePorts(
      {},
      {},
      {
        checkResumable: () => {
          throw new FtctlError('FT_RESUME_MISMATCH', { what: 'seed was 1 and is now 2.' });
        },
      },
    );
    const work = runLaunch(
      fakeConfig(2, 'a: 2\n'),
      { runsDir: runs.path, resume: first.run.id },
      ports,
    );
    await expect(work).rejects.toMatchObject({
      code: 'FT_RESUME_MISMATCH',
      message: 'seed was 1 and is now 2.',
      details: { runDir: first.run.dir, resumable: true },
    });
    expect(await readFile(first.run.resultPath, 'utf8')).toBe(before);
    expect(await readFile(first.run.configPath, 'utf8')).toBe('a: 1\n');
    expect((await readdir(first.run.dir)).filter((name) => name.startsWith('lock'))).toEqual([]);
  });

  it('leaves the record of a finished run when it fails or is stopped before its first step', async () => {
    const first = await launchFakes({});
    const before = await readFile(first.run.resultPath, 'utf8');
    const refused = await launchFakes({ workers: { 1: 'report-port' } }, { resume: first.run.id });
    expect(refused.error?.code).toBe('FT_PORT_IN_USE');
    expect(await readFile(first.run.resultPath, 'utf8')).toBe(before);
    expect(await first.run.summary()).toMatchObject({ status: 'finished', error: null });

    const stop = new AbortController();
    const stopped = await launchFakes(
      { workers: { 1: 'hang-at-start' } },
      {
        resume: first.run.id,
        signal: stop.signal,
        onEvent: (event) => {
          if (event.type === 'worker-joined') stop.abort();
        },
      },
    );
    expect(stopped.error?.code).toBe('FT_INTERRUPTED');
    expect(await readFile(first.run.resultPath, 'utf8')).toBe(before);
  });

  it('forgets the last end with its first step, and records a failure after it', async () => {
    const first = await launchFakes({});
    const isRecorded: boolean[] = [];
    const failed = await launchFakes(
      { steps: 100, workers: { 1: 'sigkill' } },
      {
        resume: first.run.id,
        onEvent: (event) => {
          if (event.type === 'step') isRecorded.push(existsSync(first.run.resultPath));
        },
      },
    );
    expect(isRecorded.at(-1)).toBe(false);
    expect(failed.error?.code).toBe('FT_WORKER_LOST');
    expect(await first.run.summary()).toMatchObject({
      status: 'failed',
      error: { code: 'FT_WORKER_LOST' },
    });
  });

  it('of a run that does not exist is refused', async () => {
    const work = runLaunch(fakeConfig(2), { runsDir: runs.path, resume: 'nothing' }, fakePorts({}));
    await expect(work).rejects.toMatchObject({
      code: 'FT_RUN_NOT_FOUND',
      details: { runDir: null, resumable: false },
    });
  });
});
