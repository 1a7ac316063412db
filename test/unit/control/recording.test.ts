import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryEventBus } from '../../../src/control/event-bus.js';
import type { RunEventBody } from '../../../src/control/events.js';
import { JsonlWriter } from '../../../src/control/jsonl-writer.js';
import { recordRun } from '../../../src/control/run-recorder.js';
import type { FtctlError } from '../../../src/errors/index.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'recording-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function values(path: string): Promise<unknown[]> {
  const text = await readFile(path, 'utf8');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
}

function fail(error: FtctlError): never {
  throw error;
}

describe('a JSON lines file', () => {
  it('holds all values in order, over batches and openings', async () => {
    const path = join(dir, 'a.jsonl');
    const wanted: object[] = [];
    for (let opening = 0; opening < 3; opening += 1) {
      const writer = await JsonlWriter.open(path, { onError: fail, batchMs: 1 });
      for (let n = 0; n < 2000; n += 1) {
        const value = { opening, n, text: 'ü\n"'.repeat(n % 40) };
        wanted.push(value);
        writer.write(value);
        if (n % 500 === 0) await writer.flush();
      }
      await writer.close();
    }
    expect(await values(path)).toEqual(wanted);
  });

  it('writes within the batch time without being asked', async () => {
    const path = join(dir, 'a.jsonl');
    const writer = await JsonlWriter.open(path, { onError: fail, batchMs: 5 });
    writer.write({ n: 1 });
    await expect.poll(() => readFile(path, 'utf8')).toBe('{"n":1}\n');
    await writer.close();
  });

  it('cuts off a line that a crash has torn', async () => {
    const path = join(dir, 'a.jsonl');
    for (const [before, after] of [
      ['{"n":1}\n{"n":', '{"n":1}\n'],
      [`{"n":1}\n${'x'.repeat(10_000)}`, '{"n":1}\n'],
      ['{"torn', ''],
      ['', ''],
      ['{"n":1}\n', '{"n":1}\n'],
    ] as const) {
      await writeFile(path, before);
      const writer = await JsonlWriter.open(path, { onError: fail });
      writer.write({ n: 2 });
      await writer.close();
      expect(await readFile(path, 'utf8')).toBe(`${after}{"n":2}\n`);
    }
  });

  it('tells of a full disk once and goes on without the file', async () => {
    const path = join(dir, 'full.jsonl');
    await symlink('/dev/full', path);
    const errors: FtctlError[] = [];
    const writer = await JsonlWriter.open(path, { onError: (error) => errors.push(error) });
    writer.write({ n: 1 });
    await writer.flush();
    writer.write({ n: 2 });
    await writer.flush();
    await writer.close();
    writer.write({ n: 3 });
    expect(errors.map(({ code, message }) => ({ code, message }))).toEqual([
      {
        code: 'FT_DISK_FULL',
        message: `Cannot write ${path}: no space is left on the disk (ENOSPC).`,
      },
    ]);
  });

  it('says why it cannot be opened', async () => {
    const path = join(dir, 'absent', 'a.jsonl');
    await expect(JsonlWriter.open(path, { onError: fail })).rejects.toMatchObject({
      code: 'FT_NOT_WRITABLE',
      message: `Cannot write ${path}: its folder does not exist (ENOENT).`,
    });
  });
});

describe('the record of a run', () => {
  it('has events without the steps, and numbers with them', async () => {
    const bus = new MemoryEventBus({ now: () => 5 });
    const [eventsPath, metricsPath] = [join(dir, 'events.jsonl'), join(dir, 'metrics.jsonl')];
    bus.publish({ type: 'warning', message: 'before the recorder' });
    const recorder = await recordRun({ bus, eventsPath, metricsPath, onError: fail });
    const step = {
      type: 'step',
      round: 1,
      phase: 0,
      epoch: 0,
      epochs: 2,
      step: 0,
      steps: 9,
      loss: 2.5,
      accuracy: 0.25,
      learningRate: 0.003,
      imagesPerSecond: 400,
    } as const satisfies RunEventBody;
    const preparing = (done: number, total: number) =>
      ({
        type: 'preparing',
        what: 'data',
        message: 'Fetching',
        done,
        total,
        unit: 'files',
      }) as const;
    const test = { type: 'test', loss: 1, accuracy: 0.5, samples: 10 } as const;
    for (const body of [preparing(1, 3), preparing(3, 3), preparing(7, 0), step, test])
      bus.publish(body);
    const worker = {
      at: 6,
      type: 'worker',
      slot: 1,
      rank: 0,
      round: 1,
      seconds: { wait: 0.5 },
      rowsComputed: 1,
      rowsCached: 2,
      samples: 3,
      bytesSent: 4,
      longestBlockMs: 5,
    } as const;
    recorder.worker(worker);
    await recorder.close();
    bus.publish({ type: 'warning', message: 'after it' });
    expect(await values(eventsPath)).toEqual([
      { at: 5, type: 'warning', message: 'before the recorder' },
      { at: 5, ...preparing(3, 3) },
      { at: 5, ...test },
    ]);
    expect(await values(metricsPath)).toEqual([{ at: 5, ...step }, { at: 5, ...test }, worker]);
  });
});
