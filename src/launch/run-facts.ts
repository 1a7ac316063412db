import type { RunResult } from '../control/events.js';
import type { ErrorCode, FtctlErrorJson } from '../errors/index.js';
import type { RunProgress } from './run-progress.js';
import type { ProcessExit, ProcessRole } from './target.js';

/** One process of the run after its end. */
export interface EndedProcess {
  readonly process: ProcessRole;
  readonly exit: ProcessExit;
  /** The end of its log. */
  readonly tail: readonly string[];
  /** The launcher had told it to end, so that how it ended says nothing. */
  readonly wasAsked: boolean;
  /** Another one was started in its place. */
  readonly wasReplaced: boolean;
  /** The launcher killed it after it had not answered for this long; null: it did not. */
  readonly silentForMs: number | null;
  /** What it said itself before it ended. */
  readonly reported: FtctlErrorJson | null;
  readonly logPath: string;
}

/** The coordinator's words about a worker that it lost; only the launcher sees what became of the process. */
export const lostCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'FT_WORKER_LOST',
  'FT_WORKER_SILENT',
  'FT_WORKERS_DISCONNECTED',
]);

/** All that is known once every process of a run is gone; `judge` makes the outcome of it. */
export interface RunFacts {
  /** The coordinator's `run-finished` or `run-stopped`. */
  readonly result: RunResult | null;
  /** The coordinator's `run-failed`. */
  readonly failure: FtctlErrorJson | null;
  /** In the order in which they ended. */
  readonly ended: readonly EndedProcess[];
  /** Why the watch stream broke, where it broke. */
  readonly watchError: FtctlErrorJson | null;
  /** A wait that ran out: what did not happen within which time. A sentence. */
  readonly limit: string | null;
  readonly interrupted: 'graceful' | 'now' | null;
  /** Slot of the worker that was started again and again while the run did not get on; the run was ended for it. */
  readonly givenUp: number | null;
  readonly progress: RunProgress;
}
