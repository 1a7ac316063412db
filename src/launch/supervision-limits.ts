import type { RestartLimits } from './restarts.js';

/** How long the launcher waits for what, at most. Each end of a wait has its reason in the error. */
export interface SupervisionLimits {
  /** From the coordinator's start until it listens. It listens before it prepares anything. */
  readonly listenMs: number;
  /** From a worker's start until the coordinator says that it has joined. */
  readonly joinMs: number;
  /** For the coordinator to end the run after a worker died, or to end itself after the last worker has. */
  readonly verdictMs: number;
  /** Between two events while the run stops in order (a step of a large model, a last evaluation, the artifacts). */
  readonly stopMs: number;
  /** For processes to end by themselves once the run is over. */
  readonly exitMs: number;
  /** For processes to end after SIGTERM, before SIGKILL. */
  readonly terminateMs: number;
  /** For the last events, or the last exits, after the other side of the coordinator is gone. */
  readonly settleMs: number;
  readonly heartbeatMs: number;
  readonly silentMs: number;
  readonly restarts: RestartLimits;
}

/** A loaded laptop needs seconds to start Node with the engine; a lasting silence of a minute is no slowness. */
export const defaultLimits: SupervisionLimits = {
  listenMs: 120_000,
  joinMs: 180_000,
  verdictMs: 60_000,
  stopMs: 600_000,
  exitMs: 15_000,
  terminateMs: 2000,
  settleMs: 2000,
  heartbeatMs: 5000,
  silentMs: 60_000,
  restarts: { firstDelayMs: 500, longestDelayMs: 10_000, steadyMs: 5000, most: 5 },
};
