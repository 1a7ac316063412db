import { describe, expect, it } from 'vitest';
import type { RunResult } from '../../../src/control/events.js';
import type { RunSummary } from '../../../src/state/run-summary.js';
import { launchCommand } from '../../../src/cli/launch-command.js';
import { runsTable } from '../../../src/cli/runs-table.js';
import { shorter, summaryLines } from '../../../src/cli/progress/summary.js';
import { result } from './support.js';

const context = {
  ...{ cwd: '/work-dir', program: 'ftctl', again: 'ftctl launch' },
  ...{ isResumed: false, hasModel: false, lastPhase: 0, numEpochs: 25 },
};

describe('the closing summary', () => {
  it('says how good the model is, where it is and how to use it', () => {
    expect(summaryLines(result, context)).toEqual([
      'Finished quickstart-20250131T142233Z-k3f9: 25 epochs, 1,150 steps on 4 workers in 1m 42s (355 images/s once training began)',
      '  train    loss 0.5123, accuracy 0.861',
      '  val      loss 0.9120, accuracy 0.752',
      '  test     loss 0.9500, accuracy 0.741',
      '  best     val accuracy 0.758, epoch 18',
      `  digest   ${'3f'.repeat(32)}`,
      '',
      'The model is in runs/quickstart-20250131T142233Z-k3f9/model (ONNX, class names, preprocessing).',
      'Classify images:  ftctl predict runs/quickstart-20250131T142233Z-k3f9 IMAGE...',
    ]);
  });

  it('says how to go on with a run that was stopped before its first epoch ended', () => {
    const stopped: RunResult = {
      ...result,
      status: 'stopped',
      epochs: 0,
      steps: 1,
      workers: 1,
      train: null,
      val: null,
      best: null,
      runDir: '/else/my runs/a',
    };
    delete (stopped as { test?: unknown }).test;
    expect(summaryLines(stopped, context)).toEqual([
      'Stopped quickstart-20250131T142233Z-k3f9: 0 epochs, 1 step on 1 worker in 1m 42s (355 images/s once training began)',
      `  digest   ${'3f'.repeat(32)}`,
      '',
      'The run is in /else/my runs/a, with a checkpoint.',
      "Go on with it:  ftctl launch --resume '/else/my runs/a'",
    ]);
  });

  it('says how to start anew what was stopped before its first step, and claims no speed', () => {
    const { runId, runDir, recoveries } = result;
    const stopped: RunResult = {
      ...{ runId, runDir, recoveries, status: 'stopped', workers: 4, digest: '' },
      ...{ epochs: 0, steps: 0, samples: 0, wallSeconds: 3, imagesPerSecond: 0 },
      ...{ train: null, val: null, best: null },
    };
    const flags = { config: 'my flowers.yaml', workers: 2, resume: undefined, runsDir: 'runs' };
    const again = launchCommand({ ...flags, sets: ['seed=3', 'data.views=[1, 2]'] });
    expect(summaryLines(stopped, { ...context, again })).toEqual([
      'Stopped quickstart-20250131T142233Z-k3f9: 0 epochs, 0 steps on 4 workers in 3.0 s',
      '',
      'It was stopped before its first step, and has no checkpoint.',
      "Start it again:  ftctl launch --config 'my flowers.yaml' --workers 2 --set 'seed=3' --set 'data.views=[1, 2]'",
    ]);
  });

  it('says that what a stopped run has learned can be used', () => {
    const stopped = { ...result, status: 'stopped' } as const;
    expect(summaryLines(stopped, { ...context, hasModel: true }).slice(-3)).toEqual([
      'The run is in runs/quickstart-20250131T142233Z-k3f9, with a checkpoint and the model of its best epoch so far.',
      'Go on with it:    ftctl launch --resume runs/quickstart-20250131T142233Z-k3f9',
      'Classify images:  ftctl predict runs/quickstart-20250131T142233Z-k3f9 IMAGE...',
    ]);
  });

  it('says that a resume of a finished run had nothing to train, and how to train on', () => {
    const resumed = { ...context, isResumed: true, lastPhase: 1 };
    expect(summaryLines({ ...result, imagesPerSecond: 0 }, resumed).slice(-3)).toEqual([
      '',
      'Nothing was left to train: all 25 epochs were done. To train on, raise the epochs:',
      '  ftctl launch --resume runs/quickstart-20250131T142233Z-k3f9 --set phases.1.epochs=N',
    ]);
    expect(summaryLines(result, resumed)).toEqual(summaryLines(result, context));
    const early = { ...resumed, numEpochs: 30 };
    expect(summaryLines({ ...result, imagesPerSecond: 0 }, early).at(-2)).toBe(
      'Nothing was left to train: 25 of 30 epochs were done, and early stopping left out the others. To train on, if the last phase was not stopped, raise its epochs:',
    );
  });

  it('names the commands as ftctl was started', () => {
    const program = 'npx ftctl';
    expect(summaryLines(result, { ...context, program }).at(-1)).toMatch(
      /^Classify images: {2}npx ftctl predict runs/,
    );
    const stopped = { ...result, status: 'stopped' } as const;
    expect(summaryLines(stopped, { ...context, program }).at(-1)).toMatch(
      /^Go on with it: {2}npx ftctl launch --resume runs/,
    );
    const flags = { config: undefined, workers: 2, sets: [], resume: undefined, runsDir: 'runs' };
    expect(launchCommand(flags, program)).toBe('npx ftctl launch --workers 2');
    expect(runsTable([], { ...table, program })).toEqual([
      'No runs in runs. Start one with: npx ftctl launch',
    ]);
  });

  it('never shortens a path to a word that would be taken for an id', () => {
    expect(shorter('/work-dir/a', '/work-dir')).toBe('./a');
    expect(shorter('/work-dir', '/work-dir')).toBe('/work-dir');
    expect(shorter('/a/b', '/work-dir/deep')).toBe('/a/b');
  });
});

const table = { runsDir: 'runs', columns: Infinity, program: 'ftctl' };
const startedAt = Date.UTC(2025, 0, 31, 14, 22, 33);
const base = { dir: '/r', startedAt, totalEpochs: 25, sessions: 1, error: null };
const runs: RunSummary[] = [
  {
    ...base,
    id: 'quickstart-20250131T142233Z-k3f9',
    status: 'finished',
    epochs: 25,
    best: { epoch: 17, metric: 'accuracy', value: 0.758 },
    endedAt: startedAt + 102_400,
    tookMs: 102_400,
  },
  {
    ...base,
    id: 'b-20250131T142233Z-0000',
    status: 'stopped',
    epochs: 12,
    best: { epoch: 9, metric: 'loss', value: 0.5 },
    endedAt: startedAt + 86_400_000,
    sessions: 3,
    tookMs: 723_000,
  },
  {
    ...base,
    id: 'a-20250131T142233Z-0000',
    status: 'failed',
    epochs: 0,
    totalEpochs: null,
    best: null,
    endedAt: null,
    tookMs: null,
    error: { code: 'FT_WORKER_LOST', message: 'gone' },
  },
];

describe('the table of runs', () => {
  it('has a line for each run, its columns aligned', () => {
    expect(runsTable(runs, table)).toEqual([
      'RUN                               STATUS                   EPOCHS  BEST VAL                   STARTED (UTC)     TOOK',
      'quickstart-20250131T142233Z-k3f9  finished                 25/25   accuracy 0.758 (epoch 18)  2025-01-31 14:22  1m 42s',
      'b-20250131T142233Z-0000           stopped                  12/25   loss 0.5000 (epoch 10)     2025-01-31 14:22  12m 03s (3 sessions)',
      'a-20250131T142233Z-0000           failed (FT_WORKER_LOST)  0       -                          2025-01-31 14:22  -',
    ]);
  });

  it('fits a terminal of 80 columns: the least important goes first, a failure stays named', () => {
    expect(runsTable(runs, { ...table, columns: 80 })).toEqual([
      'RUN                               STATUS          EPOCHS  BEST VAL     TOOK',
      'quickstart-20250131T142233Z-k3f9  finished        25/25   acc 0.758    1m 42s',
      'b-20250131T142233Z-0000           stopped         12/25   loss 0.5000  12m 03s',
      'a-20250131T142233Z-0000           FT_WORKER_LOST  0       -            -',
    ]);
    expect(runsTable(runs, { ...table, columns: 100 })[0]).toBe(
      'RUN                               STATUS                   EPOCHS  BEST VAL     TOOK',
    );
    // Nothing is left to save: the lines are as short as they can be.
    expect(runsTable(runs, { ...table, columns: 20 })[3]).toBe(
      'a-20250131T142233Z-0000           FT_WORKER_LOST  0',
    );
  });

  it('says how to start one when there is none', () => {
    expect(runsTable([], table)).toEqual(['No runs in runs. Start one with: ftctl launch']);
  });
});
