// Generated from proto/ by `npm run proto:types`. Do not edit.

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { FetchStateRequestInput as _ftctl_collective_v1_FetchStateRequestInput, FetchStateRequest as _ftctl_collective_v1_FetchStateRequest } from '../../../ftctl/collective/v1/FetchStateRequest.js';
import type { FetchStateResponseInput as _ftctl_collective_v1_FetchStateResponseInput, FetchStateResponse as _ftctl_collective_v1_FetchStateResponse } from '../../../ftctl/collective/v1/FetchStateResponse.js';
import type { ReceiveRequestInput as _ftctl_collective_v1_ReceiveRequestInput, ReceiveRequest as _ftctl_collective_v1_ReceiveRequest } from '../../../ftctl/collective/v1/ReceiveRequest.js';
import type { ReceiveResponseInput as _ftctl_collective_v1_ReceiveResponseInput, ReceiveResponse as _ftctl_collective_v1_ReceiveResponse } from '../../../ftctl/collective/v1/ReceiveResponse.js';

/**
 * What a worker offers the other workers of its run. Every call carries the run's join token:
 * "authorization: Bearer TOKEN".
 */
export interface CollectiveServiceClient extends grpc.Client {
  /**
   * A copy of a training state that the called worker holds.
   */
  FetchState(argument: _ftctl_collective_v1_FetchStateRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_collective_v1_FetchStateResponse>;
  FetchState(argument: _ftctl_collective_v1_FetchStateRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_collective_v1_FetchStateResponse>;
  /**
   * A copy of a training state that the called worker holds.
   */
  fetchState(argument: _ftctl_collective_v1_FetchStateRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_collective_v1_FetchStateResponse>;
  fetchState(argument: _ftctl_collective_v1_FetchStateRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_collective_v1_FetchStateResponse>;
  
  /**
   * Opens the stream of all that the called worker sends the caller. The receiver calls, because the receive window
   * of an HTTP/2 client can be raised and that of a grpc-js server cannot. The response headers arrive as soon as
   * the call is accepted, before any message; until the called worker knows the generation, the call waits.
   */
  Receive(argument: _ftctl_collective_v1_ReceiveRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_collective_v1_ReceiveResponse>;
  Receive(argument: _ftctl_collective_v1_ReceiveRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_collective_v1_ReceiveResponse>;
  /**
   * Opens the stream of all that the called worker sends the caller. The receiver calls, because the receive window
   * of an HTTP/2 client can be raised and that of a grpc-js server cannot. The response headers arrive as soon as
   * the call is accepted, before any message; until the called worker knows the generation, the call waits.
   */
  receive(argument: _ftctl_collective_v1_ReceiveRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_collective_v1_ReceiveResponse>;
  receive(argument: _ftctl_collective_v1_ReceiveRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_collective_v1_ReceiveResponse>;
  
}

/**
 * What a worker offers the other workers of its run. Every call carries the run's join token:
 * "authorization: Bearer TOKEN".
 */
export interface CollectiveServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * A copy of a training state that the called worker holds.
   */
  FetchState: grpc.handleServerStreamingCall<_ftctl_collective_v1_FetchStateRequest, _ftctl_collective_v1_FetchStateResponseInput>;
  
  /**
   * Opens the stream of all that the called worker sends the caller. The receiver calls, because the receive window
   * of an HTTP/2 client can be raised and that of a grpc-js server cannot. The response headers arrive as soon as
   * the call is accepted, before any message; until the called worker knows the generation, the call waits.
   */
  Receive: grpc.handleServerStreamingCall<_ftctl_collective_v1_ReceiveRequest, _ftctl_collective_v1_ReceiveResponseInput>;
  
}

export interface CollectiveServiceDefinition extends grpc.ServiceDefinition {
  FetchState: MethodDefinition<_ftctl_collective_v1_FetchStateRequestInput, _ftctl_collective_v1_FetchStateResponseInput, _ftctl_collective_v1_FetchStateRequest, _ftctl_collective_v1_FetchStateResponse>
  Receive: MethodDefinition<_ftctl_collective_v1_ReceiveRequestInput, _ftctl_collective_v1_ReceiveResponseInput, _ftctl_collective_v1_ReceiveRequest, _ftctl_collective_v1_ReceiveResponse>
}
