import type { FtctlErrorJson } from '../errors/index.js';

/** What a launched process tells its launcher, over the IPC channel that it was spawned with. */
export type ChildMessage =
  /** The coordinator can be reached at `host:port`. */
  | { readonly type: 'listening'; readonly address: string }
  /** The process cannot go on, and ends. Its own words are better than its exit code. */
  | { readonly type: 'failed'; readonly error: FtctlErrorJson }
  /** The event loop turns. */
  | { readonly type: 'pong' };

/** What the launcher tells a process. */
export interface ParentMessage {
  readonly type: 'ping';
}

/** A launched process's end of the channel. In a process that was started by hand it does nothing. */
export interface ParentChannel {
  /** Whether a launcher supervises this process. */
  readonly isSupervised: boolean;
  listening(address: string): void;
  /** Resolves when the launcher has the error, or is gone. */
  failed(error: FtctlErrorJson): Promise<void>;
}

/** What this process has to say to the world; a parameter so that it can be tested. */
export type SupervisedProcess = Pick<
  NodeJS.Process,
  'on' | 'once' | 'exit' | 'connected' | 'channel'
> & { readonly send?: NodeJS.Process['send'] };

/** After the launcher is gone, a process that does not end by itself within this time is ended. */
const graceMs = 3000;
/** A parent that is alive reads its messages at once. */
const sendLimitMs = 2000;

/**
 * Ties this process's life to its launcher's: `controller` is aborted on SIGTERM and when the launcher is gone, and then
 * the process ends within three seconds whatever it does. Under a launcher SIGINT is ignored, since a terminal sends
 * it to the whole process group and the launcher alone decides; started by hand, SIGINT aborts as SIGTERM does.
 * Answers the launcher's heartbeat. The channel does not keep the process alive.
 */
export function exitWithParent(
  controller: AbortController,
  self: SupervisedProcess = process,
): ParentChannel {
  const isSupervised = self.send !== undefined;
  const end = (reason: string): void => {
    controller.abort(new Error(reason));
  };
  self.on('SIGTERM', () => {
    end('SIGTERM');
  });
  self.on('SIGINT', () => {
    if (!isSupervised) end('SIGINT');
  });
  if (!isSupervised) {
    return { isSupervised, listening: () => undefined, failed: () => Promise.resolve() };
  }
  const send = (message: ChildMessage): Promise<void> =>
    new Promise((resolve) => {
      if (!self.connected) {
        resolve();
        return;
      }
      const limit = setTimeout(resolve, sendLimitMs);
      self.send?.(message, undefined, undefined, () => {
        clearTimeout(limit);
        resolve();
      });
    });
  const orphaned = (): void => {
    end('the launcher is gone');
    setTimeout(() => self.exit(1), graceMs).unref();
  };
  self.once('disconnect', orphaned);
  self.on('message', (message: unknown) => {
    if (isPing(message)) void send({ type: 'pong' });
  });
  self.channel?.unref();
  if (!self.connected) orphaned(); // it died before this process got here
  return {
    isSupervised,
    listening: (address) => {
      void send({ type: 'listening', address });
    },
    failed: (error) => send({ type: 'failed', error }),
  };
}

function isPing(message: unknown): message is ParentMessage {
  return typeof message === 'object' && message !== null && 'type' in message
    ? message.type === 'ping'
    : false;
}

/** A message of a child, if it is one. */
export function isChildMessage(message: unknown): message is ChildMessage {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false;
  switch (message.type) {
    case 'pong':
      return true;
    case 'listening':
      return 'address' in message && typeof message.address === 'string';
    case 'failed':
      return 'error' in message && typeof message.error === 'object' && message.error !== null;
    default:
      return false;
  }
}
