import { dirname } from 'node:path';
import { TWO_HOP_ELEMENTS } from '../collective/schedule.js';
import type { RunEventBody, RunResult } from '../control/events.js';
import { fingerprint } from '../engines/fingerprint.js';
import { FtctlError } from '../errors/index.js';
import { writeScrapeTargets } from '../metrics/targets.js';
import { grpcStateFetcher } from '../rpc/state-fetcher.js';
import { CheckpointStore, type IntactCheckpoint, readSnapshot } from '../state/checkpoint-store.js';
import { encodeBundle } from '../state/run-bundle.js';
import { systemClock } from '../util/clock.js';
import { conclude, type Reached, stoppedEarly } from './conclude.js';
import { Conductor, type RunOutcome } from './conductor.js';
import {
  announce,
  type CoordinatorService,
  openCoordinatorService,
  refuseWorkers,
} from './coordinator-service.js';
import { openJournalFile } from './journal-file.js';
import { historyOf } from './journal-records.js';
import { checkJournalVersion } from './journal-version.js';
import { Journal } from './journal.js';
import { compileLimits } from './limits.js';
import { PreparingEvents } from './preparing.js';
import { prepareRun, type PreparedRun } from './prepare-run.js';
import { checkIdentity, modelHash } from './run-identity.js';
import { specHash } from './spec-hash.js';
import { StoredStates } from './stored-states.js';
import { WorkerLines } from './worker-lines.js';

export interface CoordinatorOptions {
  readonly runDir: string;
  /** The run's join token. */
  readonly token: string;
  /** The launcher is gone, or wants an end at once. */
  readonly signal: AbortSignal;
  /** Called with `host:port` as soon as workers may join. */
  readonly onListening: (address: string) => void;
}

/**
 * The coordinator of one run, from the configuration in its folder to its end. Resolves when the run has finished or was
 * stopped; rejects with the error that it failed with, after telling watchers and workers.
 */
export async function runCoordinator(options: CoordinatorOptions): Promise<void> {
  const stopping = new AbortController();
  const service = await openCoordinatorService(options.runDir, options.token, {
    state: () => Promise.resolve(undefined),
    stop: () => {
      stopping.abort();
    },
    readiness: () => ({ ready: false, reason: 'the run is being prepared' }),
  });
  try {
    options.onListening(service.server.address);
    const signal = AbortSignal.any([options.signal, stopping.signal]);
    await coordinate(service, options, signal);
  } catch (thrown) {
    if (isAbort(thrown, [options.signal, stopping.signal])) {
      await stopped(service);
      return;
    }
    const error = FtctlError.from(thrown);
    service.log.error(error.message, { error: thrown });
    refuseWorkers(service.server, error);
    await fail(service, error);
    throw error;
  } finally {
    service.server.endWatchers();
    await service.close();
  }
}

/** `signal` ends the preparation; once rounds begin, the conductor decides how to stop. */
async function coordinate(
  service: CoordinatorService,
  options: CoordinatorOptions,
  signal: AbortSignal,
): Promise<void> {
  const { folder, spec, log } = service;
  const store = new CheckpointStore(folder);
  const file = await openJournalFile(folder.journalPath);
  const { journal, records, tornBytes } = await Journal.open(file, Date.now);
  try {
    if (tornBytes > 0) log.warn(`Cut ${tornBytes} bytes of an unfinished line off the journal.`);
    checkJournalVersion(records);
    const { highestTerm } = historyOf(records, { specHash: '', resumeRound: 0 });
    const term = await journal.claimTerm(highestTerm);
    await announce(service, term, options.token);
    await store.removeLeftovers();
    const checkpoint = await store.newestIntact();
    const resumeRound = checkpoint?.snapshot.round ?? 0;
    service.emit({ type: 'run-started', runId: folder.id, term, resumedFromRound: resumeRound });
    for (const path of checkpoint?.damaged ?? []) {
      service.emit({
        type: 'warning',
        message: `${path} is damaged; an older checkpoint is used.`,
      });
    }
    const run = await prepareRun(folder.id, spec, {
      emit: (event) => {
        service.emit(event);
      },
      clock: systemClock,
      signal,
      runsDir: dirname(folder.dir),
      eventsPath: folder.eventsPath,
    });
    const { hash: fingerprintHash } = await fingerprint({ provider: spec.engine.provider });
    const identity = {
      manifestHash: run.manifest.hash,
      modelHash: modelHash(run.bundle.prepared),
      fingerprintHash,
    };
    if (checkpoint !== undefined) {
      const message = checkIdentity(records, identity);
      if (message !== undefined) service.emit({ type: 'warning', message });
    }
    const hash = specHash(spec, identity);
    await journal.append({ type: 'run', runId: folder.id, specHash: hash, ...identity });
    const { toRepeat } = historyOf(records, { specHash: hash, resumeRound });
    const lines = new WorkerLines((line) => {
      service.recorder.worker(line);
    });
    const conductor: Conductor = new Conductor({
      membership: {
        term,
        count: spec.workers.count,
        numShards: spec.batch.shards,
        twoHopFromElements: TWO_HOP_ELEMENTS,
        bundle: encodeBundle(run.bundle),
        resume: resumeOf(checkpoint),
        earlierLedger: toRepeat,
        limits: compileLimits(spec.toleranceMs),
      },
      plane: service.server.plane,
      journal,
      states: new StoredStates(grpcStateFetcher({ token: options.token }), store, () =>
        conductor.writeLedger(),
      ),
      clock: systemClock,
      narrator: {
        phases: spec.phases,
        steps: spec.phases.map(({ accumulate }) => Math.ceil(run.plan.numTrainSteps / accumulate)),
        history: checkpoint?.snapshot.state.history ?? [],
        bestEpoch: checkpoint?.snapshot.state.best?.epoch ?? null,
      },
      emit: (event) => {
        service.emit(event);
        if (event.type === 'generation') void tellTargets(service, conductor);
      },
      onReport: (worker, report) => {
        lines.report(worker, report, Date.now());
      },
      log: (line) => {
        log.info(line);
      },
    });
    serve(service, conductor, checkpoint);
    options.signal.addEventListener('abort', () => {
      conductor.stop('now');
    });
    if (signal.aborted) conductor.stop('graceful');
    const outcome = await conductor.outcome;
    lines.flush();
    await end(service, run, outcome);
  } finally {
    await journal.close();
  }
}

/** From now on states, stops and readiness are the conductor's. */
function serve(
  service: CoordinatorService,
  conductor: Conductor,
  checkpoint: IntactCheckpoint | undefined,
): void {
  service.handlers = {
    state: async ({ round, hash }) => {
      const snapshot = checkpoint?.snapshot;
      if (snapshot?.round === round && snapshot.hash === hash) return snapshot.bytes;
      // Where nobody is left who has a state, new workers go on from the newest one that was stored.
      const copy = conductor.state.copies.find(
        ({ kind, state }) => kind === 'checkpoint' && state.hash === hash,
      );
      return copy?.path == null ? undefined : (await readSnapshot(copy.path)).bytes;
    },
    stop: (mode) => {
      conductor.stop(mode);
    },
    readiness: () => {
      const { name } = conductor.state.phase;
      return { ready: name === 'running', reason: `the run is ${name}` };
    },
  };
}

function resumeOf(
  checkpoint: IntactCheckpoint | undefined,
): { state: { round: number; hash: string }; epoch: number } | null {
  if (checkpoint === undefined) return null;
  const { round, hash, state } = checkpoint.snapshot;
  return { state: { round, hash }, epoch: state.epoch };
}

async function end(
  service: CoordinatorService,
  run: PreparedRun,
  { end: runEnd, trained }: RunOutcome,
): Promise<void> {
  if (runEnd.status === 'failed') throw FtctlError.fromJSON(runEnd.error);
  const { status, final } = runEnd;
  if (final === null) {
    await stopped(service);
    return;
  }
  const result = await concluded(service, run, { status, path: final.path, trained });
  if (status === 'finished') {
    service.emit({ type: 'run-finished', result });
    return;
  }
  service.emit({
    type: 'run-stopped',
    round: final.state.round,
    checkpoint: final.path,
    result,
  });
}

/** {@link conclude}, telling what takes long. */
async function concluded(
  service: CoordinatorService,
  run: PreparedRun,
  reached: Reached,
): Promise<RunResult> {
  const emit = (event: RunEventBody): void => {
    service.emit(event);
  };
  const preparing = new PreparingEvents(emit, systemClock);
  try {
    return await conclude(reached, {
      ...{ folder: service.folder, ...run },
      wallSeconds: performance.now() / 1000, // since the process started
      onWarning: (message) => {
        emit({ type: 'warning', message });
      },
      onProgress: (progress) => {
        preparing.report(progress);
      },
    });
  } finally {
    preparing.end();
  }
}

/** Stopped with no state of this life on disk: what counts is the checkpoint of an earlier one, if there is one. */
async function stopped(service: CoordinatorService): Promise<void> {
  const { folder, spec } = service;
  const checkpoint = await new CheckpointStore(folder).newestIntact();
  const wallSeconds = performance.now() / 1000;
  service.emit({
    type: 'run-stopped',
    round: checkpoint?.snapshot.round ?? 0,
    checkpoint: checkpoint?.path ?? null,
    result: stoppedEarly(folder, spec, checkpoint?.snapshot, wallSeconds),
  });
}

/** Whether it is a signal's own reason, or what Node throws for it; anything else is a failure, also while stopping. */
function isAbort(thrown: unknown, signals: readonly AbortSignal[]): boolean {
  const isOwn = (signal: AbortSignal): boolean => signal.aborted && thrown === signal.reason;
  const isNode = thrown instanceof Error && thrown.name === 'AbortError';
  return signals.some(isOwn) || (isNode && signals.some((signal) => signal.aborted));
}

async function fail(service: CoordinatorService, error: FtctlError): Promise<void> {
  const resumable = await service.folder.hasCheckpoint();
  const event: RunEventBody = { type: 'run-failed', error: error.toJSON(), resumable };
  service.emit(event);
}

/** A target list that cannot be written costs the dashboards, not the run. */
async function tellTargets(service: CoordinatorService, conductor: Conductor): Promise<void> {
  const { folder, metricsAddress } = service;
  if (metricsAddress === null) return;
  const workers = [...conductor.state.workers.values()].map(({ hello }) => ({
    address: hello.metricsAddress,
    labels: { run: folder.id, role: 'worker', slot: String(hello.slot) },
  }));
  const own = { address: metricsAddress, labels: { run: folder.id, role: 'coordinator' } };
  try {
    await writeScrapeTargets(folder.targetsPath, [own, ...workers]);
  } catch (error) {
    service.emit({ type: 'warning', message: FtctlError.from(error).message });
  }
}
