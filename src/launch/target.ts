import type { ChildMessage, ParentMessage } from '../util/child-channel.js';

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** It could not be started at all. */
  readonly startError?: Error;
}

/** Which process of a run. */
export type ProcessRole =
  { readonly role: 'coordinator' } | { readonly role: 'worker'; readonly slot: number };

/** One process that a target started. */
export interface TargetProcess {
  readonly pid: number | undefined;
  /** The file that its output goes to. */
  readonly logPath: string;
  /** Length of that file when the process started: what comes after is its own. */
  readonly logStart: number;
  onMessage(handler: (message: ChildMessage) => void): void;
  /** Never throws; a process that is gone gets nothing. */
  send(message: ParentMessage): void;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Resolves once the process is gone and all its messages were handed over. Never rejects. */
  readonly exited: Promise<ProcessExit>;
}

/** Port: where the processes of a run live. `local` starts child processes of the launcher. */
export interface Target {
  startCoordinator(): TargetProcess;
  /** `join` is the coordinator's `host:port`. */
  startWorker(slot: number, join: string): TargetProcess;
}

/** For messages: `the coordinator`, `worker 3`. */
export function roleName(role: ProcessRole): string {
  return role.role === 'coordinator' ? 'the coordinator' : `worker ${String(role.slot)}`;
}
