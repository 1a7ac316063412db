import { Metadata, type ServiceError, status, type StatusObject } from '@grpc/grpc-js';
import { type ErrorCode, FtctlError, type FtctlErrorJson } from '../errors/index.js';

// Between gRPC statuses and FtctlErrors. An FtctlError crosses whole, as JSON in a trailer; what gRPC itself reports
// is told in our words.

const ERROR_TRAILER = 'ftctl-error-bin';
/** Trailers share the limits of headers; an error's details may be long. */
const MAX_TRAILER_BYTES = 8 * 1024;
const MAX_DETAILS_CHARACTERS = 1024;

const statusOf: Partial<Record<ErrorCode, status>> = {
  FT_TOKEN_REFUSED: status.UNAUTHENTICATED,
  FT_PEER_REFUSED: status.PERMISSION_DENIED,
  FT_BLOB_UNKNOWN: status.NOT_FOUND,
  FT_STATE_UNKNOWN: status.NOT_FOUND,
  FT_PROTOCOL_BROKEN: status.INVALID_ARGUMENT,
};

/** Who was called. */
export interface Callee {
  readonly role: 'coordinator' | 'worker';
  readonly address: string;
}

/** What a server answers when a handler fails. */
export function toStatus(thrown: unknown): StatusObject {
  const error = FtctlError.from(thrown);
  const metadata = new Metadata();
  const whole = Buffer.from(JSON.stringify(error));
  const { code, message, remedy } = error.toJSON();
  const short = { code, message: message.slice(0, MAX_DETAILS_CHARACTERS), remedy };
  metadata.set(
    ERROR_TRAILER,
    whole.length <= MAX_TRAILER_BYTES ? whole : Buffer.from(JSON.stringify(short)),
  );
  return {
    code: statusOf[error.code] ?? status.INTERNAL,
    details: error.message.slice(0, MAX_DETAILS_CHARACTERS),
    metadata,
  };
}

/** What a caller makes of a failed call. */
export function fromStatus(error: ServiceError, callee: Callee): FtctlError {
  const sent = sentError(error);
  if (sent !== undefined) return sent;
  const who = `${callee.role} at ${callee.address}`;
  if (error.code === status.UNAUTHENTICATED) {
    return new FtctlError('FT_TOKEN_REFUSED', {
      what: `The ${who} refused the join token.`,
      cause: error,
    });
  }
  if (error.code === status.RESOURCE_EXHAUSTED && error.details.includes('larger than')) {
    return new FtctlError('FT_MESSAGE_TOO_LARGE', {
      what: `A message to or from the ${who} is too large.`,
      why: error.details.replace(/\.?$/, '.'),
      cause: error,
    });
  }
  if (error.code === status.UNAVAILABLE || error.code === status.INTERNAL) {
    return new FtctlError(
      callee.role === 'coordinator' ? 'FT_COORDINATOR_LOST' : 'FT_PEER_UNREACHABLE',
      { what: `There is no connection to the ${who}: ${plainCause(error)}.`, cause: error },
    );
  }
  return new FtctlError('FT_CALL_FAILED', {
    what: `A call to the ${who} failed: ${plainCause(error)}.`,
    cause: error,
  });
}

/** Whether nobody listens at the address: the process is gone, or not there yet. */
export function isConnectionRefused(error: ServiceError): boolean {
  return error.code === status.UNAVAILABLE && error.details.includes('ECONNREFUSED');
}

/** A status in a few words, without gRPC's own. */
export function plainCause(error: ServiceError): string {
  const { details } = error;
  if (details.includes('ECONNREFUSED')) return 'the connection was refused, nobody listens there';
  if (details.includes('ECONNRESET')) return 'the connection was reset';
  if (details.includes('ETIMEDOUT')) return 'the connection timed out';
  if (details.includes('ENOTFOUND') || details.includes('Name resolution failed')) {
    return 'the host name is not known';
  }
  if (/connection dropped/i.test(details) || details.includes('code NO_ERROR')) {
    return 'the connection was closed';
  }
  return `${status[error.code]}: ${details}`;
}

function sentError(error: ServiceError): FtctlError | undefined {
  // grpc-js leaves the metadata out of some of the errors that it makes itself.
  const metadata = error.metadata as Metadata | undefined;
  const value = metadata?.get(ERROR_TRAILER)[0];
  if (value === undefined) return undefined;
  try {
    return FtctlError.fromJSON(JSON.parse(value.toString()) as FtctlErrorJson);
  } catch {
    return undefined;
  }
}
