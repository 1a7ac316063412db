import { unlink } from 'node:fs/promises';
import { loadConfig } from '../config/load.js';
import type { RunSpec } from '../config/run-spec.js';
import { MemoryEventBus } from '../control/event-bus.js';
import type { RunEventBody } from '../control/events.js';
import { applyEvent, noReadings } from '../control/run-readings.js';
import { recordRun, type RunRecorder } from '../control/run-recorder.js';
import type { FtctlError } from '../errors/index.js';
import { BlockMonitor } from '../metrics/block-monitor.js';
import { exposeCoordinator, type RunReadings } from '../metrics/coordinator-metrics.js';
import { startMetricsServer, type MetricsServer, type Readiness } from '../metrics/http-server.js';
import { readProcess } from '../metrics/process-metrics.js';
import type { StateRef } from '../rpc/control-messages.js';
import { startCoordinatorServer, type CoordinatorServer } from '../rpc/coordinator-server.js';
import type { StopMode } from '../rpc/stop-mode.js';
import { RunFolder } from '../state/run-folder.js';
import { writeFileAtomic } from '../util/atomic-file.js';
import { BlobStore } from '../util/blob-store.js';
import { openLog, type Log } from '../util/log.js';

/** What surrounds the conductor in a coordinator process: the run folder, the servers, events, metrics, the log. */
export interface CoordinatorService {
  readonly folder: RunFolder;
  readonly spec: RunSpec;
  readonly server: CoordinatorServer;
  readonly recorder: RunRecorder;
  readonly log: Log;
  readonly metricsAddress: string | null;
  emit(event: RunEventBody): void;
  /** Sets who is asked for states, told of stops, and asked for readiness. */
  handlers: CoordinatorHandlers;
  /** Delivers what was said, then closes everything. Never rejects. */
  close(): Promise<void>;
}

export interface CoordinatorHandlers {
  readonly state: (ref: StateRef) => Promise<Uint8Array | undefined>;
  readonly stop: (mode: StopMode) => void;
  readonly readiness: () => Readiness;
}

/** Opens all of it; what was opened before a failure is closed again. */
export async function openCoordinatorService(
  runDir: string,
  token: string,
  handlers: CoordinatorHandlers,
): Promise<CoordinatorService> {
  const closers: (() => unknown)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.reverse()) {
      try {
        await close();
      } catch {
        // The run has ended; what cannot be closed goes with the process.
      }
    }
  };
  try {
    return await open(runDir, token, handlers, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function open(
  runDir: string,
  token: string,
  handlers: CoordinatorHandlers,
  closers: (() => unknown)[],
  close: () => Promise<void>,
): Promise<CoordinatorService> {
  const folder = await RunFolder.open('.', runDir);
  const log = openLog({ path: folder.logPath('coordinator') });
  closers.push(() => {
    log.close();
  });
  const { spec } = await loadConfig({ path: folder.configPath });
  const bus = new MemoryEventBus({
    now: Date.now,
    onHandlerError: (error) => {
      log.error('A subscriber of events failed.', { error });
    },
  });
  const recorder = await recordRun({
    bus,
    eventsPath: folder.eventsPath,
    metricsPath: folder.metricsPath,
    onError: (error) => {
      log.error(error.message);
      bus.publish({ type: 'warning', message: error.message });
    },
  });
  closers.push(() => recorder.close());
  let readings = noReadings;
  bus.subscribe(0, (event) => {
    readings = applyEvent(readings, event);
  });
  const service: { handlers: CoordinatorHandlers } = { handlers };
  const metrics = await openMetrics(folder.id, spec, () => readings, service);
  if (metrics !== null) closers.push(() => metrics.close());
  const blobs = new BlobStore(spec.cache.path);
  const server = await startCoordinatorServer({
    host: spec.security.host,
    port: spec.security.port,
    token,
    blobs: async (sha256) => ((await blobs.has(sha256)) ? blobs.read(sha256) : undefined),
    states: (ref) => service.handlers.state(ref),
    events: bus,
    onStop: (mode) => {
      service.handlers.stop(mode);
    },
  });
  closers.push(() => server.close());
  closers.push(() => unlink(folder.coordinatorPath));
  return Object.assign(service, {
    ...{ folder, spec, server, recorder, log, close },
    metricsAddress: metrics?.address ?? null,
    emit: (event: RunEventBody) => {
      bus.publish(event);
    },
  });
}

async function openMetrics(
  run: string,
  spec: RunSpec,
  read: () => RunReadings,
  service: { handlers: CoordinatorHandlers },
): Promise<MetricsServer | null> {
  if (!spec.metrics.enabled) return null;
  const blocks = new BlockMonitor();
  const startSeconds = Date.now() / 1000;
  const exposition = exposeCoordinator({
    run,
    read: () => ({ run: read(), process: readProcess(blocks, startSeconds) }),
  });
  return startMetricsServer({
    host: spec.metrics.host,
    port: spec.metrics.port,
    metrics: exposition,
    readiness: () => service.handlers.readiness(),
  });
}

/** Tells the user's other processes (`ftctl stop`) where the coordinator is. The token is for their eyes alone. */
export async function announce(
  service: CoordinatorService,
  term: number,
  token: string,
): Promise<void> {
  const { address } = service.server;
  const text = JSON.stringify({ address, term, pid: process.pid, token });
  await writeFileAtomic(service.folder.coordinatorPath, `${text}\n`, 0o600);
}

/** Workers that have joined a run which cannot begin are told why. */
export function refuseWorkers(server: CoordinatorServer, error: FtctlError): void {
  const refused = new Set<string>();
  server.plane.onLost(() => undefined);
  server.plane.onMessage((incarnation) => {
    if (refused.has(incarnation)) return;
    refused.add(incarnation);
    server.plane.send(incarnation, { type: 'abort', error: error.toJSON() });
    server.plane.close(incarnation);
  });
}
