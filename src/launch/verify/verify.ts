import type { LoadedConfig } from '../../config/load.js';
import type { RunEvent, RunResult } from '../../control/events.js';
import { FtctlError } from '../../errors/index.js';
import type { LaunchOptions } from '../run-launch.js';
import type { RunDifference } from './run-difference.js';

/** One configuration, to be run with one number of workers. */
export interface RunToVerify {
  readonly workers: number;
  readonly config: LoadedConfig;
}

export type VerifiedRun = Pick<
  RunResult,
  'runId' | 'runDir' | 'workers' | 'digest' | 'steps' | 'epochs' | 'wallSeconds'
>;

/** What came of it: the runs in order, and where the first of them and another one differ. */
export interface Verification {
  readonly equal: boolean;
  /** Folder that holds the runs. */
  readonly dir: string;
  readonly runs: readonly VerifiedRun[];
  /** Of the first run and of the first one after it that has another digest. */
  readonly difference: ({ readonly workers: readonly [number, number] } & RunDifference) | null;
}

export interface VerifyOptions {
  /** Folder that is made for the runs. */
  readonly dir: string;
  /** Stop the run that is running at its next step, and start no other. */
  readonly signal?: AbortSignal;
  /** Stop it now. */
  readonly killSignal?: AbortSignal;
  readonly onEvent?: (workers: number, event: RunEvent) => void;
  readonly onRun?: (run: VerifiedRun) => void;
  /** The command that does the same again, for remedies. */
  readonly again?: string;
}

/** What a verification needs from the world. */
export interface VerifyPorts {
  readonly launch: (config: LoadedConfig, options: LaunchOptions) => Promise<RunResult>;
  readonly findDifference: (firstDir: string, secondDir: string) => Promise<RunDifference>;
}

/**
 * Runs each configuration to its end, one after the other, and compares their digests. Rejects as `launch` does with what a run fails with,
 * and with FT_COMMAND_INTERRUPTED where one was stopped.
 */
export async function verify(
  toRun: readonly RunToVerify[],
  options: VerifyOptions,
  ports: VerifyPorts,
): Promise<Verification> {
  const runs: VerifiedRun[] = [];
  for (const each of toRun) {
    const run = await verifiedRun(each, options, ports);
    runs.push(run);
    options.onRun?.(run);
  }
  const { dir } = options;
  const [first] = runs;
  const other = runs.find(({ digest }) => digest !== first?.digest);
  if (first === undefined || other === undefined) {
    return { equal: true, dir, runs, difference: null };
  }
  const difference = await ports.findDifference(first.runDir, other.runDir);
  const workers = [first.workers, other.workers] as const;
  return { equal: false, dir, runs, difference: { workers, ...difference } };
}

async function verifiedRun(
  { workers, config }: RunToVerify,
  { dir, signal, killSignal, onEvent, again }: VerifyOptions,
  { launch }: VerifyPorts,
): Promise<VerifiedRun> {
  const result = await launch(config, {
    runsDir: dir,
    ...(signal === undefined ? {} : { signal }),
    ...(killSignal === undefined ? {} : { killSignal }),
    ...(again === undefined ? {} : { again }),
    onEvent: (event) => onEvent?.(workers, event),
  }).catch((thrown: unknown) => {
    const error = FtctlError.from(thrown);
    throw error.code === 'FT_INTERRUPTED'
      ? stopped(workers, error.details?.['runDir'], error)
      : error;
  });
  if (result.status === 'stopped') throw stopped(workers, result.runDir);
  const { runId, runDir, digest, steps, epochs, wallSeconds } = result;
  return { runId, runDir, workers, digest, steps, epochs, wallSeconds };
}

function stopped(workers: number, runDir: unknown, cause?: FtctlError): FtctlError {
  return new FtctlError('FT_COMMAND_INTERRUPTED', {
    what: `The run with ${workers === 1 ? '1 worker' : `${workers} workers`} was stopped before its end.`,
    why: 'A digest of a part of a run says nothing.',
    ...(cause === undefined ? {} : { cause }),
    ...(typeof runDir === 'string' ? { details: { runDir } } : {}),
  });
}
