import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { startWorkerServer } from '../collective/worker-server.js';
import { fingerprint } from '../engines/fingerprint.js';
import { numericProbe } from '../engines/numeric-probe.js';
import { FtctlError } from '../errors/index.js';
import { BlockMonitor } from '../metrics/block-monitor.js';
import { BucketClock } from '../metrics/bucket-clock.js';
import { startMetricsServer, type Readiness } from '../metrics/http-server.js';
import { exposeWorker } from '../metrics/worker-metrics.js';
import { connectCoordinator } from '../rpc/coordinator-client.js';
import { formatGeneration } from '../rpc/generation.js';
import { planOf } from '../train/plan-of.js';
import { systemClock } from '../util/clock.js';
import { noLog, openLog } from '../util/log.js';
import { buildTrainer, type TrainerParts } from './build-trainer.js';
import { countedTrainer } from './counted-trainer.js';
import { defaultSessionLimits, Session } from './session.js';
import { WorkerTelemetry } from './worker-telemetry.js';

export interface WorkerOptions {
  /** `host:port` of the coordinator. */
  readonly join: string;
  /** The run's join token. */
  readonly token: string;
  /** The place that the launcher gave this process; names its log file, and ranks are sorted by it. */
  readonly slot: number;
  readonly logPath?: string;
  /** The launcher is gone, or wants an end at once. */
  readonly signal: AbortSignal;
}

/** One worker process, from joining to the coordinator's release. Rejects with the FtctlError that ended it. */
export async function runWorker(options: WorkerOptions): Promise<void> {
  const { join, token, slot, signal } = options;
  const log = options.logPath === undefined ? noLog : openLog({ path: options.logPath, rank: slot });
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const client = connectCoordinator({ address: join, token });
    closers.push(() => client.close());
    const { canonical } = await fingerprint({ provider: 'cpu' });
    const probe = await numericProbe();
    const server = await startWorkerServer({
      host: '127.0.0.1',
      token,
      states: (ref) => session?.heldState(ref),
    });
    closers.push(() => server.close());
    const buckets = new BucketClock(systemClock);
    // Loading native libraries blocks; what counts is a run.
    const blocks = new BlockMonitor();
    const telemetry = new WorkerTelemetry({
      buckets,
      blocks,
      startSeconds: Date.now() / 1000,
      bytes: () => ({ sent: server.transport.bytesSent(), received: server.transport.bytesReceived() }),
    });
    let readiness: Readiness = { ready: false, reason: 'the worker is starting' };
    let parts: TrainerParts | undefined;
    const metrics = await startMetricsServer({
      host: '127.0.0.1',
      port: 0,
      metrics: exposeWorker({ run: '', slot, read: () => telemetry.readings() }),
      readiness: () => readiness,
    });
    closers.push(() => metrics.close());
    const session: Session | undefined = new Session({
      hello: {
        incarnation: randomBytes(8).toString('hex'),
        ...{ slot, pid: process.pid, host: hostname() },
        ...{ address: server.address, metricsAddress: metrics.address },
        ...{ fingerprint: canonical, probe },
      },
      control: client.openControl(signal),
      transport: server.transport,
      fetchState: (state, stop) => client.fetchState(state, stop),
      prepare: async (bundle, tools) => {
        parts = await buildTrainer(bundle, tools, {
          client,
          onWarning: (message) => {
            log.warn(message);
          },
        });
        const { trainer, run, features, engine, bundle: { spec } } = parts;
        closers.push(() => features.close(), () => engine.close());
        telemetry.countFeatures(() => features.counters());
        void spec;
        return { trainer, run };
      },
      clock: systemClock,
      timeline: buckets,
      localReport: () => telemetry.takeReport(),
      limits: defaultSessionLimits,
      log: (line, { generation, round }) => {
        log.place({ generation: generation === null ? null : formatGeneration(generation), round });
        log.info(line);
      },
    });
    signal.addEventListener('abort', () => {
      session.fail(new FtctlError('FT_INTERRUPTED', { what: 'The worker was told to end.' }));
    });
    await session.done;
  } catch (error) {
    log.error(FtctlError.from(error).message, { error });
    throw error;
  } finally {
    for (const close of closers.reverse()) await close().catch(() => undefined);
    log.close();
  }
}
