import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { exposeCoordinator, type RunReadings } from '../../../src/metrics/coordinator-metrics.js';
import { type MetricsServer, startMetricsServer } from '../../../src/metrics/http-server.js';
import { readProcess } from '../../../src/metrics/process-metrics.js';
import { writeScrapeTargets } from '../../../src/metrics/targets.js';
import { timeBuckets } from '../../../src/metrics/timeline.js';
import { exposeWorker, type WorkerReadings } from '../../../src/metrics/worker-metrics.js';

const processReadings = () =>
  readProcess({ longestMs: 12.5, longestStallMs: 40, numOverLimit: 2 }, 1_700_000_000);

const worker: WorkerReadings = {
  loopSeconds: Object.fromEntries(
    timeBuckets.map((b, i) => [b, i / 4]),
  ) as WorkerReadings['loopSeconds'],
  backgroundSeconds: { decode: 1, augment: 2, backbone: 3 },
  rounds: { step: 40, evaluate: 2, phase: 1 },
  samples: 1280,
  rowsComputed: 900,
  rowsCached: 380,
  imagesDecoded: 450,
  imagesCached: 50,
  bytesSent: 4096,
  bytesReceived: 8192,
  rank: 1,
  round: 43,
  epoch: 2,
  generation: { term: 1, number: 3 },
  process: processReadings(),
};

const run: RunReadings = {
  term: 1,
  generation: 3,
  round: 43,
  phase: 0,
  epoch: 2,
  epochs: 25,
  loss: { train: 0.5, val: 0.75 },
  accuracy: { train: 0.875, val: 0.625 },
  learningRate: 0.003,
  imagesPerSecond: 420,
  workers: 4,
  steps: 40,
  stepsPerEpoch: 23,
  workersLost: 0,
  rowsComputed: 900,
  rowsCached: 380,
  checkpoints: { checkpoint: 2, best: 1, final: 0 },
  warnings: 0,
};

/** `name{labels} value` lines as a map. */
function parse(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe('the metrics of a worker', () => {
  it('show the readings of the moment, at every scrape anew', async () => {
    let readings = worker;
    const exposition = exposeWorker({ run: 'r-1', slot: 2, read: () => readings });
    const all = 'run="r-1",role="worker",slot="2"';
    let seen = parse(await exposition.text());
    expect(seen.get(`ftctl_worker_loop_seconds_total{bucket="wait",${all}}`)).toBe(1);
    expect(seen.get(`ftctl_worker_feature_rows_total{source="cached",${all}}`)).toBe(380);
    expect(seen.get(`ftctl_worker_samples_total{${all}}`)).toBe(1280);
    expect(seen.get(`ftctl_worker_rank{${all}}`)).toBe(1);
    expect(seen.get(`ftctl_event_loop_longest_block_seconds{${all}}`)).toBe(0.0125);
    expect(seen.get(`ftctl_process_resident_memory_bytes{${all}}`)).toBeGreaterThan(1e7);

    readings = { ...worker, samples: 2000, rank: null, generation: null };
    seen = parse(await exposition.text());
    expect(seen.get(`ftctl_worker_samples_total{${all}}`)).toBe(2000);
    expect(seen.has(`ftctl_worker_rank{${all}}`)).toBe(false);
    expect(seen.has(`ftctl_worker_generation_number{${all}}`)).toBe(false);
  });
});

describe('the metrics of the coordinator', () => {
  it('show the run, and nothing that has no value yet', async () => {
    const exposition = exposeCoordinator({
      run: 'r-1',
      read: () => ({ run, process: processReadings() }),
    });
    const all = 'run="r-1",role="coordinator"';
    const seen = parse(await exposition.text());
    expect(seen.get(`ftctl_run_accuracy_ratio{split="val",${all}}`)).toBe(0.625);
    expect(seen.has(`ftctl_run_accuracy_ratio{split="test",${all}}`)).toBe(false);
    expect(seen.get(`ftctl_run_learning_rate{${all}}`)).toBe(0.003);
    expect(seen.get(`ftctl_run_checkpoints_total{kind="final",${all}}`)).toBe(0);
    expect(seen.get(`ftctl_run_workers{${all}}`)).toBe(4);
  });
});

describe('the metrics server', () => {
  let server: MetricsServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  async function start(
    readiness = { ready: true, reason: 'training' },
    port = 0,
    host = '127.0.0.1',
  ) {
    const metrics = exposeWorker({ run: 'r', slot: 0, read: () => worker });
    server = await startMetricsServer({ host, port, metrics, readiness: () => readiness });
    return server.address;
  }

  async function get(address: string, path: string, method = 'GET') {
    const response = await fetch(`http://${address}${path}`, { method });
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      text: await response.text(),
    };
  }

  it('answers for metrics, health and readiness', async () => {
    const readiness = { ready: false, reason: 'the features are being warmed' };
    const address = await start(readiness);
    expect(address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    const metrics = await get(address, '/metrics');
    expect(metrics.status).toBe(200);
    expect(metrics.type).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(metrics.text).toContain('# TYPE ftctl_worker_samples_total counter\n');
    expect(await get(address, '/healthz')).toMatchObject({ status: 200, text: 'alive\n' });
    expect(await get(address, '/readyz')).toMatchObject({
      status: 503,
      text: 'not ready: the features are being warmed\n',
    });
    readiness.ready = true;
    readiness.reason = 'training';
    expect(await get(address, '/readyz?x=1')).toMatchObject({
      status: 200,
      text: 'ready: training\n',
    });
    expect(await get(address, '/healthz', 'HEAD')).toMatchObject({ status: 200, text: '' });
    expect(await get(address, '/')).toMatchObject({ status: 404 });
    expect(await get(address, '/metrics', 'POST')).toMatchObject({ status: 405 });
  });

  it('names the port that is taken, and its setting', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    try {
      const error = await start(undefined, port).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(FtctlError);
      expect(error).toMatchObject({
        code: 'FT_PORT_IN_USE',
        message: `Port ${String(port)} on 127.0.0.1 (metrics) is taken by another process.`,
        remedy: 'Stop the other process, change metrics.port, or set it to 0 for a free port.',
      });
    } finally {
      other.close();
    }
  });

  it('names an address that this machine does not have', async () => {
    const error = await start(undefined, 0, '192.0.2.1').catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'FT_ADDRESS_UNUSABLE',
      message:
        'Cannot listen on 192.0.2.1, port 0 (metrics). No network interface of this machine has this address.',
    });
  });

  it('says in a 500 what went wrong with the readings', async () => {
    const metrics = exposeWorker({
      run: 'r',
      slot: 0,
      read: () => {
        throw new Error('no readings');
      },
    });
    server = await startMetricsServer({
      host: '127.0.0.1',
      port: 0,
      metrics,
      readiness: () => ({ ready: true, reason: '' }),
    });
    expect(await get(server.address, '/metrics')).toMatchObject({
      status: 500,
      text: 'no readings\n',
    });
  });
});

describe('the list of scrape targets', () => {
  it('has the form that file_sd reads', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'targets-'));
    const path = join(dir, 'prometheus-targets.json');
    await writeScrapeTargets(path, [
      { address: '127.0.0.1:9464', labels: { run: 'r-1', role: 'coordinator' } },
    ]);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual([
      { targets: ['127.0.0.1:9464'], labels: { run: 'r-1', role: 'coordinator' } },
    ]);
    await rm(dir, { recursive: true });
  });
});
