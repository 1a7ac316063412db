import type { LoadedConfig } from '../config/load.js';
import { locatedError } from '../config/problems.js';
import type { RunSpec } from '../config/run-spec.js';
import type { RunEvent, RunResult } from '../control/events.js';
import { FtctlError } from '../errors/index.js';
import { RunFolder } from '../state/run-folder.js';
import type { Clock } from '../util/clock.js';
import { type Log, openLog } from '../util/log.js';
import { quoted } from '../util/shell-quote.js';
import { judge } from './judge.js';
import { awaitLastCoordinator } from './last-coordinator.js';
import { NewRunWatch } from './new-run-watch.js';
import { RunRecordKeeper } from './run-record-keeper.js';
import { type CoordinatorLink, Supervisor } from './supervisor.js';
import type { SupervisionLimits } from './supervision-limits.js';
import type { Target } from './target.js';
import { Waits } from './waits.js';

export interface LaunchOptions {
  /** Folder that holds the run folders. */
  readonly runsDir: string;
  /** Continue this run: an id, the start of one, or a path. */
  readonly resume?: string;
  /** Graceful: stop at the next step, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Stop now. */
  readonly killSignal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** The command that does the same again, for remedies; absent: one that launches the configuration in the run's folder. */
  readonly again?: string;
}

/** What a launch needs from the world. */
export interface LaunchPorts {
  readonly makeTarget: (run: RunFolder, token: string) => Target | Promise<Target>;
  readonly connect: (address: string, token: string) => CoordinatorLink;
  readonly createToken: () => string;
  readonly readConfig: (path: string) => Promise<LoadedConfig>;
  /** Throws what is wrong with the configuration, or rejects with what this machine lacks for it, before there is a run folder. */
  readonly checkLaunch: (spec: RunSpec) => void | Promise<void>;
  readonly checkResumable: (before: RunSpec, now: RunSpec) => void;
  readonly clock: Clock;
  readonly now: () => Date;
  readonly limits: SupervisionLimits;
}

/** {@link launch} over its ports. */
export async function runLaunch(
  config: LoadedConfig,
  options: LaunchOptions,
  ports: LaunchPorts,
): Promise<RunResult> {
  let run: RunFolder | undefined;
  const watch = new NewRunWatch();
  const onEvent = (event: RunEvent): void => {
    watch.onEvent(event);
    options.onEvent?.(event);
  };
  try {
    refuseIfAborted(options);
    await ports.checkLaunch(config.spec);
    run = await takeFolder(config, options, ports);
    const lock = await run.lock();
    try {
      if (options.resume !== undefined) await prepareResume(run, config, ports);
      return await superviseRun(run, config, { ...options, onEvent }, ports);
    } catch (error) {
      // Left behind it would only stand in `ftctl runs`: the error has all that there is to know.
      const isEmpty = options.resume === undefined && watch.isRefusal(FtctlError.from(error));
      if (isEmpty && (await run.remove())) run = undefined;
      throw error;
    } finally {
      await lock.release();
    }
  } catch (error) {
    const resumable = run === undefined ? false : await run.hasCheckpoint();
    throw withDetails(FtctlError.from(error), { runDir: run?.dir ?? null, resumable });
  }
}

function refuseIfAborted({ signal, killSignal, again }: LaunchOptions): void {
  if (signal?.aborted !== true && killSignal?.aborted !== true) return;
  throw new FtctlError('FT_INTERRUPTED', {
    what: 'The launch was stopped before it started anything, as asked.',
    ...(again === undefined ? {} : { remedy: `Start it again with \`${again}\`.` }),
  });
}

function takeFolder(
  config: LoadedConfig,
  options: LaunchOptions,
  ports: LaunchPorts,
): Promise<RunFolder> {
  return options.resume === undefined
    ? RunFolder.create(options.runsDir, config.spec.name, config.yaml, ports.now())
    : RunFolder.open(options.runsDir, options.resume);
}

async function prepareResume(
  run: RunFolder,
  config: LoadedConfig,
  ports: LaunchPorts,
): Promise<void> {
  const before = await ports.readConfig(run.configPath);
  ports.checkResumable(before.spec, config.spec);
  const waits = new Waits(ports.clock);
  await awaitLastCoordinator(run, (ms) => waits.sleep(ms));
  await run.replaceConfig(config.yaml);
  await run.sweep();
}

async function superviseRun(
  run: RunFolder,
  config: LoadedConfig,
  options: LaunchOptions,
  ports: LaunchPorts,
): Promise<RunResult> {
  const startedAt = ports.now().getTime();
  const log = openLog({ path: run.logPath('launch'), now: ports.now });
  const tell = options.onEvent ?? (() => undefined);
  const record = await RunRecordKeeper.open(run, log);
  const onEvent = (event: RunEvent): void => {
    record.onEvent(event);
    tell(event);
  };
  try {
    const result = await outcomeOf(run, config, { ...options, onEvent }, ports, log);
    const endedAt = ports.now().getTime();
    await record.end({ startedAt, endedAt, ...result }).catch((error: unknown) => {
      // The model is there; only `ftctl runs` has to find the end in the events instead.
      const { message } = FtctlError.from(error);
      log.warn('The result could not be recorded.', { error });
      tell({ at: endedAt, type: 'warning', message });
    });
    return result;
  } catch (caught) {
    const error = locatedError(FtctlError.from(caught), config.locate);
    log.error('The run failed.', { error });
    const resumable = await run.hasCheckpoint();
    const endedAt = ports.now().getTime();
    const failed = { status: 'failed', error: error.toJSON(), runDir: run.dir, resumable } as const;
    await record.end({ startedAt, endedAt, ...failed }).catch((second: unknown) => {
      // A full disk is most often why the run failed, too: the first error is the one to show.
      log.warn('The failure could not be recorded.', { error: second });
    });
    throw error;
  } finally {
    log.close();
  }
}

async function outcomeOf(
  run: RunFolder,
  config: LoadedConfig,
  options: LaunchOptions & { onEvent: (event: RunEvent) => void },
  ports: LaunchPorts,
  log: Log,
): Promise<RunResult> {
  const token = ports.createToken();
  const supervisor = new Supervisor({
    target: await ports.makeTarget(run, token),
    numWorkers: config.spec.workers.count,
    connect: (address) => ports.connect(address, token),
    signal: options.signal,
    killSignal: options.killSignal,
    onEvent: options.onEvent,
    clock: ports.clock,
    limits: ports.limits,
    log,
  });
  const facts = await supervisor.run();
  await run.sweep().catch((error: unknown) => {
    log.warn('What killed processes left could not be removed.', { error });
  });
  const again = options.again ?? `ftctl launch --config ${quoted(run.configPath)}`;
  const outcome = judge(facts, { resumable: await run.hasCheckpoint(), again });
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}

function withDetails(error: FtctlError, details: Record<string, unknown>): FtctlError {
  return new FtctlError(error.code, {
    what: error.message,
    remedy: error.remedy,
    cause: error.cause ?? (error.code === 'FT_INTERNAL' ? error : undefined),
    details: { ...error.details, ...details },
    ...(error.rank === undefined ? {} : { rank: error.rank }),
    ...(error.phase === undefined ? {} : { phase: error.phase }),
  });
}
