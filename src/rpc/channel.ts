import { type ChannelOptions, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';

/** Largest control message: a run's bundle (configuration and model description) is far below it. */
export const MAX_CONTROL_BYTES = 32 * 1024 * 1024;
/** Largest chunk of a data, blob or state stream, and room for its framing. */
export const MAX_STREAM_MESSAGE_BYTES = 1024 * 1024;

/**
 * A dead link without a reset (a pulled cable, a stopped machine) is noticed after 15 s; a dead process at once, by
 * its reset.
 */
const keepalive = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
} as const;

/** Options of every client channel. */
export function clientOptions(maxMessageBytes: number): ChannelOptions {
  return {
    ...keepalive,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    // Processes of a run talk to one another directly, whatever http_proxy says.
    'grpc.enable_http_proxy': 0,
    // No DNS TXT look-ups, and no retry buffers: who calls decides what is repeated.
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_retries': 0,
    // A connection of its own: no head-of-line blocking, and a redial is a new connection at once.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    // A server's window stays at 64 KiB whatever is set; this raises the client's, the receiver of all bulk data.
    'grpc-node.flow_control_window': 8 * 1024 * 1024,
  };
}

/** Options of every server. */
export function serverOptions(maxMessageBytes: number): ChannelOptions {
  return {
    ...keepalive,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
  };
}

/** Servers listen on loopback only (see server.ts), so channels are not encrypted. */
export const channelCredentials = credentials.createInsecure();

/** What every call carries. */
export function authorization(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

/** Whether anything that a call emitted or rejected with has a gRPC status. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}
