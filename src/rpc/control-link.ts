import type { CoordinatorMessage, StateRef, WorkerMessage } from './control-messages.js';

/** Port: a worker's end of its control stream. */
export interface ControlLink {
  /** Queues; never blocks, never throws. */
  send(message: WorkerMessage): void;
  onMessage(handler: (message: CoordinatorMessage) => void): void;
  /** The coordinator is gone: called once, with the cause. */
  onLost(handler: (cause: string) => void): void;
  close(): void;
}

/** Port: the coordinator's end of all control streams. A worker is named by its incarnation once it said hello. */
export interface ControlPlane {
  send(incarnation: string, message: CoordinatorMessage): void;
  /** The first message of a worker is its `hello`. */
  onMessage(handler: (incarnation: string, message: WorkerMessage) => void): void;
  onLost(handler: (incarnation: string, cause: string) => void): void;
  /** Ends one worker's stream after what was sent has been flushed. */
  close(incarnation: string): void;
}

/** Port: where states are fetched from (a worker's copies, or the coordinator's checkpoint). */
export interface StateFetcher {
  /** Rejects with an FtctlError when the holder is gone or the bytes do not have the hash. */
  fetch(holder: string, state: StateRef, signal: AbortSignal): Promise<Uint8Array>;
}
