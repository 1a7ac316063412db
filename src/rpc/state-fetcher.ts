import { FtctlError } from '../errors/index.js';
import { receiveBytes } from './byte-stream.js';
import {
  authorization,
  channelCredentials,
  clientOptions,
  MAX_STREAM_MESSAGE_BYTES,
} from './channel.js';
import type { StateFetcher } from './control-link.js';
import type { StateRef } from './control-messages.js';
import { services } from './proto.js';

/**
 * Fetches states from workers; `holder` is the `host:port` of a worker's collective service. The bytes arrive as
 * they were sent (SHA-256 of the transfer); that they are the state of the hash is for their decoder to say.
 */
export function grpcStateFetcher(o: { token: string }): StateFetcher {
  return {
    async fetch(holder, state, signal) {
      signal.throwIfAborted();
      const { CollectiveService } = services();
      const client = new CollectiveService(
        holder,
        channelCredentials,
        clientOptions(MAX_STREAM_MESSAGE_BYTES),
      );
      try {
        return await receiveBytes(client.fetchState({ state }, authorization(o.token)), {
          what: describeState(state),
          callee: { role: 'worker', address: holder },
          signal,
        });
      } finally {
        client.close();
      }
    },
  };
}

export function describeState(ref: StateRef): string {
  return `The state of round ${ref.round} (${ref.hash.slice(0, 12)})`;
}

/** Throws FT_STATE_UNKNOWN. */
export function unknownState(holder: string, ref: StateRef): never {
  throw new FtctlError('FT_STATE_UNKNOWN', {
    what: `${describeState(ref)} is not held by this ${holder}.`,
  });
}
