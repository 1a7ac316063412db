import type { CatalogueEntry } from '../catalogue-entry.js';

/** Calls between the processes of a run: who may call, who is gone, what may be sent. */
export const rpcCodes = {
  FT_TOKEN_REFUSED: {
    exit: 2,
    summary: 'The join token is missing or is not the one of this run.',
    remedy: 'Use the token of this very run; `ftctl launch` makes a new one at each start.',
  },
  FT_INSECURE_ADDRESS: {
    exit: 2,
    summary: 'A server was asked to listen beyond this machine without mutual TLS.',
    remedy: 'Use `security.host: 127.0.0.1`.',
  },
  FT_PEER_UNREACHABLE: {
    exit: 4,
    summary: 'A worker cannot reach another worker of its generation.',
    remedy: 'See the log of the worker that the message names; continue with `--resume`.',
  },
  FT_PEER_REFUSED: {
    exit: 4,
    summary: 'A worker does not take the caller for a member of its generation.',
    remedy: 'Usually the caller was left out of a newer generation; see the coordinator log.',
  },
  FT_REDUCE_MISMATCH: {
    exit: 4,
    summary: 'Two workers of one generation do not agree on what a round sums.',
    remedy:
      'Make sure that all workers run the same version of ftctl; else report it with the logs.',
  },
  FT_WIRE_DAMAGED: {
    exit: 4,
    summary: 'Bytes from another process of the run do not have the documented form.',
    remedy: 'Make sure that all processes run the same version of ftctl; else report it.',
  },
  FT_MESSAGE_TOO_LARGE: {
    exit: 4,
    summary: 'A message between processes is larger than the receiver takes.',
    remedy: 'Make sure that all processes run the same version of ftctl; else report it.',
  },
  FT_BLOB_UNKNOWN: {
    exit: 5,
    summary: 'A file that a worker needs is not in the cache of the coordinator.',
    remedy: 'Start the run anew: the coordinator prepares what is missing.',
  },
  FT_STATE_NOT_GIVEN: {
    exit: 4,
    summary: 'A worker could not get the state to go on from of any worker that has it.',
    remedy: 'Look into the logs of the workers that it names, and at the network between them.',
  },
  FT_STATE_UNKNOWN: {
    exit: 4,
    summary: 'A training state was asked of a process that does not hold it.',
    remedy: 'Continue from the newest checkpoint with `ftctl launch --resume RUN`.',
  },
  FT_TRANSFER_DAMAGED: {
    exit: 5,
    summary: 'Received bytes do not have the hash that they should have.',
    remedy: 'Try again; if it comes back, check the disk and memory of the sender.',
  },
  FT_CALL_FAILED: {
    exit: 4,
    summary: 'A call between processes of the run failed.',
    remedy: 'See the logs of both processes in the run folder; continue with `--resume`.',
  },
} as const satisfies Record<string, CatalogueEntry>;
