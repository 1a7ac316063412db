import { catalogue, type ErrorCode, type ExitCode } from './catalogue.js';

/** What an {@link FtctlError} is made of. `what`, `why` and `remedy` are whole sentences for the user. */
export interface FtctlErrorOptions {
  /** What happened, with the actual value: `batch.size is 30 and batch.shards is 8.` */
  readonly what: string;
  /** Why that is a problem, with the allowed values. */
  readonly why?: string;
  /** What to do about it. The catalogue's remedy is used where this is left out. */
  readonly remedy?: string;
  readonly cause?: unknown;
  /** Structured values for `--json`; never needed to understand the message. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The worker that failed, where there is one. */
  readonly rank?: number;
  /** What was being done: `data`, `features`, `gradients`, `reduce`, `update`, `evaluate`, ... */
  readonly phase?: string;
}

/** The JSON form of an error, as it crosses process boundaries and as `--json` prints it. */
export interface FtctlErrorJson {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly rank?: number;
  readonly phase?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one error that users see: a permanent code, what happened, why, and what to do. */
export class FtctlError extends Error {
  override readonly name = 'FtctlError';
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly rank: number | undefined;
  readonly phase: string | undefined;

  constructor(code: ErrorCode, options: FtctlErrorOptions) {
    super(
      options.why === undefined ? options.what : `${options.what} ${options.why}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.remedy = options.remedy ?? catalogue[code].remedy;
    this.details = options.details;
    this.rank = options.rank;
    this.phase = options.phase;
  }

  /** The process exit code that this error leads to. */
  get exitCode(): ExitCode {
    return catalogue[this.code].exit;
  }

  /** The same error, said of a rank and a phase; what is already there stays. */
  at(place: { rank?: number | undefined; phase?: string | undefined }): FtctlError {
    const rank = this.rank ?? place.rank;
    const phase = this.phase ?? place.phase;
    return new FtctlError(this.code, {
      what: this.message,
      remedy: this.remedy,
      cause: this.cause,
      ...(this.details === undefined ? {} : { details: this.details }),
      ...(rank === undefined ? {} : { rank }),
      ...(phase === undefined ? {} : { phase }),
    });
  }

  toJSON(): FtctlErrorJson {
    return {
      code: this.code,
      message: this.message,
      remedy: this.remedy,
      ...(this.rank === undefined ? {} : { rank: this.rank }),
      ...(this.phase === undefined ? {} : { phase: this.phase }),
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }

  /** Rebuilds an error that another process sent; an unknown code (a newer peer) becomes FT_INTERNAL. */
  static fromJSON(json: FtctlErrorJson): FtctlError {
    const known = Object.hasOwn(catalogue, json.code);
    return new FtctlError(known ? json.code : 'FT_INTERNAL', {
      what: known ? json.message : `${json.code}: ${json.message}`,
      remedy: json.remedy,
      ...(json.rank === undefined ? {} : { rank: json.rank }),
      ...(json.phase === undefined ? {} : { phase: json.phase }),
      ...(json.details === undefined ? {} : { details: json.details }),
    });
  }

  /** Anything thrown, as an FtctlError: itself if it is one, else FT_INTERNAL with the cause kept. */
  static from(error: unknown): FtctlError {
    if (error instanceof FtctlError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new FtctlError('FT_INTERNAL', { what: `Unexpected failure: ${message}`, cause: error });
  }
}
