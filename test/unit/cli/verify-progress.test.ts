import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { RunEvent, RunEventBody } from '../../../src/control/events.js';
import { openVerifyProgress, progressWords } from '../../../src/cli/verify-progress.js';

const event = (body: RunEventBody): RunEvent => ({ at: 1000, ...body });
const started = event({ type: 'run-started', runId: 'r', term: 1, resumedFromRound: 0 });
const step = event({
  ...{ type: 'step', round: 7, phase: 0, epoch: 1, epochs: 25, step: 2, steps: 40 },
  ...{ loss: 1, accuracy: 0, learningRate: 0.1, imagesPerSecond: 1 },
});

describe('the progress of a verification', () => {
  it('is, without a terminal, the lines that stay, and each warning once', () => {
    const stream = new PassThrough();
    const progress = openVerifyProgress(stream as unknown as NodeJS.WriteStream, {});
    const warning = event({ type: 'warning', message: 'data.views is of no use.' });
    for (const workers of [1, 2]) {
      progress.onEvent(workers, started);
      progress.onEvent(workers, warning);
      progress.onEvent(workers, step);
      progress.note(`${workers} done`);
    }
    progress.close();
    expect(String(stream.read())).toBe('warning: data.views is of no use.\n1 done\n2 done\n');
  });

  it('is, on a terminal, one line that is drawn again', () => {
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 24, rows: 9 });
    const progress = openVerifyProgress(stream as unknown as NodeJS.WriteStream, {});
    progress.onEvent(3, step);
    const drawn = String(stream.read());
    expect(drawn).toContain('3 workers: epoch 2/25..');
    progress.note('done');
    progress.close();
    expect(String(stream.read())).toContain('done\n');
  });

  it('says in a few words where a run is', () => {
    expect(progressWords(started)).toBe('starting');
    expect(progressWords(step)).toBe('epoch 2/25, step 3/40');
    const preparing = { what: 'data', message: 'Checking ...', done: 1, total: 2, unit: 'files' };
    expect(progressWords(event({ type: 'preparing', ...preparing } as RunEventBody))).toBe(
      'Checking',
    );
    expect(progressWords(event({ type: 'worker-state', slot: 0, stage: 'x' }))).toBeNull();
  });
});
