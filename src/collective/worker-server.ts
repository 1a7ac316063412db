import { serveBytes } from '../rpc/byte-stream.js';
import { MAX_STREAM_MESSAGE_BYTES } from '../rpc/channel.js';
import type { StateRef } from '../rpc/control-messages.js';
import { decodeStateRef } from '../rpc/convert.js';
import type { CollectiveServiceHandlers } from '../rpc/gen/ftctl/collective/v1/CollectiveService.js';
import { services } from '../rpc/proto.js';
import { startServer } from '../rpc/server.js';
import { unknownState } from '../rpc/state-fetcher.js';
import { type Clock, systemClock } from '../util/clock.js';
import { GrpcTransport } from './grpc-transport.js';
import { receiveMethod, type ReceiveCall } from './receive-method.js';
import type { PeerTransport } from './transport.js';

export interface WorkerServer {
  /** `host:port` for the other workers and the coordinator to dial. */
  readonly address: string;
  /** The streams between workers: accepts the peers' calls and dials the peers. */
  readonly transport: PeerTransport;
  /** Closes the transport, lets calls end, then cuts what is left after a second. */
  close(): Promise<void>;
}

/** Serves the collective streams and the copies of states. Rejects as `startServer` does. */
export async function startWorkerServer(o: {
  host: string;
  token: string;
  states: (ref: StateRef) => Promise<Uint8Array | undefined> | undefined;
  clock?: Clock;
}): Promise<WorkerServer> {
  const transport = new GrpcTransport({ token: o.token, clock: o.clock ?? systemClock });
  const fetchState: CollectiveServiceHandlers['FetchState'] = (call) => {
    void serveBytes(call, async () => {
      const ref = decodeStateRef(call.request.state);
      return (await o.states(ref)) ?? unknownState('worker', ref);
    });
  };
  const server = await startServer({
    what: 'worker',
    host: o.host,
    port: 0,
    token: o.token,
    maxMessageBytes: MAX_STREAM_MESSAGE_BYTES,
    addServices: (grpc) => {
      const { FetchState } = services().CollectiveService.service;
      grpc.addService(
        { Receive: receiveMethod(), FetchState },
        {
          Receive: (call: ReceiveCall) => {
            transport.accept(call);
          },
          FetchState: fetchState,
        },
      );
    },
  });
  return {
    address: server.address,
    transport,
    close: async () => {
      await transport.close();
      await server.close();
    },
  };
}
