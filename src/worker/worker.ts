import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { startWorkerServer, type WorkerServer } from '../collective/worker-server.js';
import type { EngineSpec } from '../config/run-spec.js';
import { fingerprint } from '../engines/fingerprint.js';
import { numericProbe } from '../engines/numeric-probe.js';
import { FtctlError } from '../errors/index.js';
import { BlockMonitor } from '../metrics/block-monitor.js';
import { BucketClock } from '../metrics/bucket-clock.js';
import { startMetricsServer, type Readiness } from '../metrics/http-server.js';
import { exposeWorker } from '../metrics/worker-metrics.js';
import { connectCoordinator, type CoordinatorClient } from '../rpc/coordinator-client.js';
import { formatGeneration } from '../rpc/generation.js';
import { grpcStateFetcher } from '../rpc/state-fetcher.js';
import { systemClock } from '../util/clock.js';
import { Closers } from '../util/closers.js';
import type { Log } from '../util/log.js';
import { buildTrainer } from './build-trainer.js';
import { defaultSessionLimits, Session, type SessionOptions } from './session.js';
import { WorkerTelemetry } from './worker-telemetry.js';

export interface WorkerOptions {
  /** `host:port` of the coordinator. */
  readonly join: string;
  /** The run's join token. */
  readonly token: string;
  /** The place that the launcher gave this process; names its log file, and ranks are sorted by it. */
  readonly slot: number;
  /** Labels the metrics. */
  readonly runId: string;
  /** What the worker will compute with; it says so when it joins. */
  readonly provider: EngineSpec['provider'];
  /** Where to serve metrics; port 0 is any free one. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  /** Told where this worker is, and what it does; whoever opened it writes the error that ends the worker, and closes it. */
  readonly log: Log;
  /** The launcher is gone, or wants an end at once. */
  readonly signal: AbortSignal;
}

/** One worker process, from joining to the coordinator's release. Rejects with the FtctlError that ended it. */
export async function runWorker(options: WorkerOptions): Promise<void> {
  const closers = new Closers();
  try {
    await work(options, closers);
  } finally {
    await closers.closeAll();
  }
}

async function work(options: WorkerOptions, closers: Closers): Promise<void> {
  const { token, signal, log } = options;
  const client = connectCoordinator({ address: options.join, token });
  closers.add(() => client.close());
  const peers = grpcStateFetcher({ token });
  const held: { session?: Session } = {};
  const server = await startWorkerServer({
    host: '127.0.0.1',
    token,
    states: (ref) => held.session?.heldState(ref),
  });
  closers.add(() => server.close());
  const { telemetry, buckets } = makeTelemetry(server, closers);
  let readiness: Readiness = { ready: false, reason: 'the worker is not a member yet' };
  const metricsAddress = await serveMetrics(options, telemetry, () => readiness, closers);
  const session = new Session({
    hello: await helloOf(options, server.address, metricsAddress),
    control: client.openControl(signal),
    transport: server.transport,
    fetchState: (state, holder, stop) =>
      holder === 'coordinator' ? client.fetchState(state, stop) : peers.fetch(holder, state, stop),
    prepare: preparer({ client, telemetry, closers, log }),
    clock: systemClock,
    timeline: buckets,
    localReport: () => telemetry.takeReport(),
    limits: defaultSessionLimits,
    onGeneration: ({ id, members }) => {
      const rank = members.findIndex((member) => member.address === server.address);
      telemetry.joined(rank, id);
      readiness = { ready: true, reason: `member of generation ${formatGeneration(id)}` };
    },
    log: (line, { generation, round }) => {
      log.place({ generation: generation === null ? null : formatGeneration(generation), round });
      log.info(line);
    },
  });
  held.session = session;
  const onAbort = (): void => {
    session.fail(new FtctlError('FT_INTERRUPTED', { what: 'The worker was told to end.' }));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  closers.add(() => {
    signal.removeEventListener('abort', onAbort);
  });
  if (signal.aborted) onAbort();
  await session.done;
}

async function helloOf(
  { slot, provider }: WorkerOptions,
  address: string,
  metricsAddress: string,
): Promise<SessionOptions['hello']> {
  const { canonical } = await fingerprint({ provider });
  const probe = await numericProbe({ provider });
  return {
    incarnation: randomBytes(8).toString('hex'),
    ...{ slot, pid: process.pid, host: hostname(), address, metricsAddress },
    ...{ fingerprint: canonical, probe },
  };
}

function makeTelemetry(
  server: WorkerServer,
  closers: Closers,
): { telemetry: WorkerTelemetry; buckets: BucketClock } {
  const blocks = new BlockMonitor();
  closers.add(() => {
    blocks.stop();
  });
  const buckets = new BucketClock(systemClock);
  const { transport } = server;
  const telemetry = new WorkerTelemetry({
    buckets,
    blocks,
    startSeconds: Date.now() / 1000,
    bytes: () => ({ sent: transport.bytesSent(), received: transport.bytesReceived() }),
  });
  return { telemetry, buckets };
}

async function serveMetrics(
  { metrics, runId, slot }: WorkerOptions,
  telemetry: WorkerTelemetry,
  readiness: () => Readiness,
  closers: Closers,
): Promise<string> {
  if (metrics === null) return '';
  const server = await startMetricsServer({
    ...metrics,
    metrics: exposeWorker({ run: runId, slot, read: () => telemetry.readings() }),
    readiness,
  });
  closers.add(() => server.close());
  return server.address;
}

function preparer(o: {
  client: CoordinatorClient;
  telemetry: WorkerTelemetry;
  closers: Closers;
  log: Log;
}): SessionOptions['prepare'] {
  return async (bundle, tools) => {
    const { trainer, run, open, features } = await buildTrainer(bundle, tools, {
      client: o.client,
      closers: o.closers,
      onWarning: (message) => {
        o.log.warn(message);
      },
      applied: (outcome, ownSamples) => {
        o.telemetry.applied(outcome, ownSamples);
        o.log.place({ round: outcome.plan.round });
      },
    });
    return {
      ...{ trainer, run },
      open: async () => {
        await open();
        o.telemetry.trainingStarts(() => features.counters());
      },
    };
  };
}
