import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { FtctlError } from '../errors/index.js';
import { type Clock, systemClock } from '../util/clock.js';
import { serveBytes } from './byte-stream.js';
import { MAX_CONTROL_BYTES } from './channel.js';
import type { ControlPlane } from './control-link.js';
import type { StateRef } from './control-messages.js';
import { GrpcControlPlane } from './control-plane.js';
import { decodeStateRef } from './convert.js';
import type { CoordinatorServiceHandlers } from './gen/ftctl/coordinator/v1/CoordinatorService.js';
import type { StopRequest } from './gen/ftctl/coordinator/v1/StopRequest.js';
import type { StopResponse } from './gen/ftctl/coordinator/v1/StopResponse.js';
import { services } from './proto.js';
import { startServer } from './server.js';
import { unknownState } from './state-fetcher.js';
import { toStatus } from './status.js';
import { type StopMode, stopMode } from './stop-mode.js';
import { type EventLog, Watchers } from './watch-server.js';

export interface CoordinatorServer {
  /** `host:port` to dial. */
  readonly address: string;
  readonly plane: ControlPlane;
  /** Ends the event streams once all events are delivered. */
  endWatchers(): void;
  /** Ends every stream after what was sent has been flushed; whoever does not read is cut off after a second. */
  close(): Promise<void>;
}

/** Serves a run. Rejects with FT_PORT_IN_USE, FT_ADDRESS_UNUSABLE or FT_INSECURE_ADDRESS. */
export async function startCoordinatorServer(o: {
  host: string;
  port: number;
  token: string;
  blobs: (sha256: string) => Promise<Uint8Array | undefined>;
  states: (ref: StateRef) => Uint8Array | undefined | Promise<Uint8Array | undefined>;
  events: EventLog;
  onStop: (mode: StopMode) => void;
  clock?: Clock;
}): Promise<CoordinatorServer> {
  const plane = new GrpcControlPlane({ clock: o.clock ?? systemClock });
  const watchers = new Watchers(o.events);
  const handlers: CoordinatorServiceHandlers = {
    Control: (call) => {
      plane.accept(call);
    },
    Watch: (call) => {
      watchers.accept(call);
    },
    Stop: (
      call: ServerUnaryCall<StopRequest, StopResponse>,
      callback: sendUnaryData<StopResponse>,
    ) => {
      try {
        o.onStop(stopMode.decode(call.request.mode));
        callback(null, {});
      } catch (error) {
        callback(toStatus(error));
      }
    },
    GetBlob: (call) => {
      void serveBytes(call, async () => {
        const { sha256 } = call.request;
        const bytes = await o.blobs(sha256);
        if (bytes !== undefined) return bytes;
        throw new FtctlError('FT_BLOB_UNKNOWN', {
          what: `The coordinator has no file with the SHA-256 ${sha256}.`,
        });
      });
    },
    FetchState: (call) => {
      void serveBytes(call, async () => {
        const ref = decodeStateRef(call.request.state);
        return (await o.states(ref)) ?? unknownState('coordinator', ref);
      });
    },
  };
  const server = await startServer({
    what: 'coordinator',
    host: o.host,
    port: o.port,
    token: o.token,
    maxMessageBytes: MAX_CONTROL_BYTES,
    addServices: (grpc) => {
      grpc.addService(services().CoordinatorService.service, handlers);
    },
  });
  return {
    address: server.address,
    plane,
    endWatchers: () => {
      watchers.endAll();
    },
    close: () => {
      watchers.endAll();
      plane.closeAll();
      return server.close();
    },
  };
}
