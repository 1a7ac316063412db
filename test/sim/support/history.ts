import type { RunOutcome } from '../../../src/coordinator/conductor.js';
import type { JournalRecord } from '../../../src/coordinator/journal-records.js';
import type { Limits } from '../../../src/coordinator/limits.js';
import type { decide as decideMembership } from '../../../src/coordinator/membership.js';
import type { RunEventBody } from '../../../src/control/events.js';
import type { FtctlError } from '../../../src/errors/index.js';
import type { LocalReport, StateRef } from '../../../src/rpc/control-messages.js';
import type { SessionOptions } from '../../../src/worker/session.js';
import type { Shape } from './fake-trainer.js';
import type { Fault } from './faults.js';

export interface SimulationOptions {
  readonly seed: number;
  readonly numWorkers: number;
  readonly shape: Shape;
  readonly faults: readonly Fault[];
  /** Vectors of at least this many elements take two hops. */
  readonly twoHopFromElements?: number;
  /** Vectors are summed in buckets of so many elements; default: 1000, which is in one. */
  readonly bucketElements?: number;
  /** Resume from this state, which the coordinator has. */
  readonly resume?: {
    readonly state: StateRef;
    readonly epoch: number;
    readonly bytes: Uint8Array;
  };
  /** Whether the launcher starts another worker in the place of one that is gone; default: it does. */
  readonly respawn?: boolean;
  /** Planted bugs. */
  readonly decideMembership?: typeof decideMembership;
  readonly session?: Pick<SessionOptions, 'decide' | 'makeReducer'>;
  readonly keepTrace?: boolean;
}

export type SessionEnd = 'running' | 'released' | FtctlError;

/** Everything that a history is judged by. */
export interface History {
  readonly options: SimulationOptions;
  readonly outcome: RunOutcome | undefined;
  readonly endedAtMs: number | undefined;
  /** Of the last worker in each slot. */
  readonly sessions: readonly SessionEnd[];
  /** Rounds that they have applied. */
  readonly rounds: readonly number[];
  /** The last incarnation in each slot. */
  readonly incarnations: readonly string[];
  /** Workers that were started in each slot. */
  readonly numStarted: readonly number[];
  readonly stored: ReadonlyMap<string, StateRef>;
  readonly journal: readonly JournalRecord[];
  readonly events: readonly RunEventBody[];
  readonly violations: readonly string[];
  readonly isHung: boolean;
  /** When the first process was killed. */
  readonly killedAtMs: number | undefined;
  /** When the first graceful stop was asked for, and the highest round then, if rounds were being run. */
  readonly stopAskedAtMs: number | undefined;
  readonly stopAskedAtRound: number | undefined;
  readonly numDeliveries: number;
  readonly traceHash: number;
  readonly trace: readonly string[];
}

/** Small, so that a history has few events; in the same relations as in earnest. */
export const simulatedLimits: Limits = {
  toleranceMs: 400,
  heartbeatMs: 100,
  tickMs: 100,
  helloMs: 3000,
  startMs: 3000,
  prepareMs: 1200,
  stageMs: 3000,
  rescueMs: 160,
};

/** What a worker reports of its own share. */
export const nothingDone: LocalReport = {
  ...{ seconds: {}, rowsComputed: 0, rowsCached: 0, samples: 0 },
  ...{ bytesSent: 0, longestBlockMs: 0 },
};
