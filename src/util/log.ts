import { closeSync, openSync, writeSync } from 'node:fs';
import { pino, type DestinationStream } from 'pino';
import { diskError } from './atomic-file.js';

/** Where the writer of a line stands; each line carries all three. */
export interface LogPlace {
  /** The worker's slot; null for the coordinator and the launcher. */
  readonly rank: number | null;
  /** As `1.4`; null before the first one. */
  readonly generation: string | null;
  readonly round: number | null;
}

/** Port: a process's log. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Changes where the lines to come stand. */
  place(change: Partial<LogPlace>): void;
  /** Later lines are lost; never throws. */
  close(): void;
}

/** Further JSON values of a line. An `Error` under the name `error` is written with its stack. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The log that keeps nothing. */
export const noLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  place: () => undefined,
  close: () => undefined,
};

/**
 * Opens a log file for appending: one JSON object a line, `{ level, time, rank, generation, round, message, ... }`,
 * also readable as it is. Throws FT_NOT_WRITABLE. Each line is with the system when the call returns (10 us), so that
 * even a process that is killed has said all it had to say. A disk that fills up costs lines, never the process.
 */
export function openLog(options: {
  path: string;
  rank?: number | null;
  now?: () => Date;
  level?: 'debug' | 'info' | 'warn' | 'error';
}): Log {
  const now = options.now ?? (() => new Date());
  let place: LogPlace = { rank: options.rank ?? null, generation: null, round: null };
  const destination = openDestination(options.path);
  const writer = pino(
    {
      level: options.level ?? 'info',
      base: null,
      messageKey: 'message',
      errorKey: 'error',
      timestamp: () => `,"time":"${now().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
      mixin: () => ({ ...place }), // pino merges the line's fields into what it gets
    },
    destination,
  );
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void => {
      writer[level](fields, message);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    place: (change) => {
      place = { ...place, ...change };
    },
    close: () => {
      destination.close();
    },
  };
}

function openDestination(path: string): DestinationStream & { close(): void } {
  let fd: number;
  try {
    fd = openSync(path, 'a');
  } catch (error) {
    throw diskError(error, path);
  }
  let isTorn = false;
  let isClosed = false;
  return {
    write: (line) => {
      if (isClosed) return;
      const bytes = Buffer.from(isTorn ? `\n${line}` : line);
      try {
        isTorn = writeSync(fd, bytes) < bytes.length;
      } catch {
        // No space: the line is lost.
      }
    },
    close: () => {
      if (isClosed) return;
      isClosed = true;
      try {
        closeSync(fd);
      } catch {
        // Some file systems tell of a full disk only now.
      }
    },
  };
}
