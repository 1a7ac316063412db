import { openSync } from 'node:fs';
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
  /** Writes what is buffered; never throws. */
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

/** What a file that cannot be written may hold back in memory; later lines are dropped. */
const maxBufferedBytes = 1024 * 1024;

/**
 * Opens a log file for appending: one JSON object a line, `{ level, time, rank, generation, round, message, ... }`,
 * also readable as it is. Throws FT_NOT_WRITABLE. A disk that fills up later costs lines, never the process; lines
 * that wait are written when there is space again.
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
      mixin: () => place,
    },
    destination,
  );
  const flush = (): void => {
    try {
      destination.flushSync();
    } catch {
      // The disk is full or gone; a process must be able to end without its log.
    }
  };
  process.once('exit', flush);
  let isClosed = false;
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void => {
      if (isClosed) return;
      writer[level](fields, message);
      if (level === 'error') flush(); // the next thing may be the end of the process
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
      if (isClosed) return;
      isClosed = true;
      process.off('exit', flush);
      flush();
      destination.end();
    },
  };
}

function openDestination(path: string) {
  let fd: number;
  try {
    fd = openSync(path, 'a');
  } catch (error) {
    throw diskError(error, path);
  }
  const destination = pino.destination({ fd, sync: false, maxLength: maxBufferedBytes });
  destination.on('error', () => undefined); // without a listener a full disk would end the process
  return destination satisfies DestinationStream;
}
