// Generated from proto/ by `npm run proto:types`. Do not edit.

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ControlRequestInput as _ftctl_coordinator_v1_ControlRequestInput, ControlRequest as _ftctl_coordinator_v1_ControlRequest } from '../../../ftctl/coordinator/v1/ControlRequest.js';
import type { ControlResponseInput as _ftctl_coordinator_v1_ControlResponseInput, ControlResponse as _ftctl_coordinator_v1_ControlResponse } from '../../../ftctl/coordinator/v1/ControlResponse.js';
import type { FetchStateRequestInput as _ftctl_coordinator_v1_FetchStateRequestInput, FetchStateRequest as _ftctl_coordinator_v1_FetchStateRequest } from '../../../ftctl/coordinator/v1/FetchStateRequest.js';
import type { FetchStateResponseInput as _ftctl_coordinator_v1_FetchStateResponseInput, FetchStateResponse as _ftctl_coordinator_v1_FetchStateResponse } from '../../../ftctl/coordinator/v1/FetchStateResponse.js';
import type { GetBlobRequestInput as _ftctl_coordinator_v1_GetBlobRequestInput, GetBlobRequest as _ftctl_coordinator_v1_GetBlobRequest } from '../../../ftctl/coordinator/v1/GetBlobRequest.js';
import type { GetBlobResponseInput as _ftctl_coordinator_v1_GetBlobResponseInput, GetBlobResponse as _ftctl_coordinator_v1_GetBlobResponse } from '../../../ftctl/coordinator/v1/GetBlobResponse.js';
import type { StopRequestInput as _ftctl_coordinator_v1_StopRequestInput, StopRequest as _ftctl_coordinator_v1_StopRequest } from '../../../ftctl/coordinator/v1/StopRequest.js';
import type { StopResponseInput as _ftctl_coordinator_v1_StopResponseInput, StopResponse as _ftctl_coordinator_v1_StopResponse } from '../../../ftctl/coordinator/v1/StopResponse.js';
import type { WatchRequestInput as _ftctl_coordinator_v1_WatchRequestInput, WatchRequest as _ftctl_coordinator_v1_WatchRequest } from '../../../ftctl/coordinator/v1/WatchRequest.js';
import type { WatchResponseInput as _ftctl_coordinator_v1_WatchResponseInput, WatchResponse as _ftctl_coordinator_v1_WatchResponse } from '../../../ftctl/coordinator/v1/WatchResponse.js';

/**
 * The coordinator of one run. Every call carries the run's join token: "authorization: Bearer TOKEN".
 */
export interface CoordinatorServiceClient extends grpc.Client {
  /**
   * A worker's control stream; it lasts as long as the worker.
   */
  Control(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_ftctl_coordinator_v1_ControlRequestInput, _ftctl_coordinator_v1_ControlResponse>;
  Control(options?: grpc.CallOptions): grpc.ClientDuplexStream<_ftctl_coordinator_v1_ControlRequestInput, _ftctl_coordinator_v1_ControlResponse>;
  /**
   * A worker's control stream; it lasts as long as the worker.
   */
  control(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_ftctl_coordinator_v1_ControlRequestInput, _ftctl_coordinator_v1_ControlResponse>;
  control(options?: grpc.CallOptions): grpc.ClientDuplexStream<_ftctl_coordinator_v1_ControlRequestInput, _ftctl_coordinator_v1_ControlResponse>;
  
  /**
   * The state that a resumed run starts from.
   */
  FetchState(argument: _ftctl_coordinator_v1_FetchStateRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_FetchStateResponse>;
  FetchState(argument: _ftctl_coordinator_v1_FetchStateRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_FetchStateResponse>;
  /**
   * The state that a resumed run starts from.
   */
  fetchState(argument: _ftctl_coordinator_v1_FetchStateRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_FetchStateResponse>;
  fetchState(argument: _ftctl_coordinator_v1_FetchStateRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_FetchStateResponse>;
  
  /**
   * A file by its SHA-256: model parts, manifest.
   */
  GetBlob(argument: _ftctl_coordinator_v1_GetBlobRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_GetBlobResponse>;
  GetBlob(argument: _ftctl_coordinator_v1_GetBlobRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_GetBlobResponse>;
  /**
   * A file by its SHA-256: model parts, manifest.
   */
  getBlob(argument: _ftctl_coordinator_v1_GetBlobRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_GetBlobResponse>;
  getBlob(argument: _ftctl_coordinator_v1_GetBlobRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_GetBlobResponse>;
  
  /**
   * Asks the run to stop; returns at once.
   */
  Stop(argument: _ftctl_coordinator_v1_StopRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_ftctl_coordinator_v1_StopResponse>): grpc.ClientUnaryCall;
  Stop(argument: _ftctl_coordinator_v1_StopRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_ftctl_coordinator_v1_StopResponse>): grpc.ClientUnaryCall;
  Stop(argument: _ftctl_coordinator_v1_StopRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_ftctl_coordinator_v1_StopResponse>): grpc.ClientUnaryCall;
  Stop(argument: _ftctl_coordinator_v1_StopRequestInput, callback: grpc.requestCallback<_ftctl_coordinator_v1_StopResponse>): grpc.ClientUnaryCall;
  /**
   * Asks the run to stop; returns at once.
   */
  stop(argument: _ftctl_coordinator_v1_StopRequestInput, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_ftctl_coordinator_v1_StopResponse>): grpc.ClientUnaryCall;
  stop(argument: _ftctl_coordinator_v1_StopRequestInput, metadata: grpc.Metadata, callback: grpc.requestCallback<_ftctl_coordinator_v1_StopResponse>): grpc.ClientUnaryCall;
  stop(argument: _ftctl_coordinator_v1_StopRequestInput, options: grpc.CallOptions, callback: grpc.requestCallback<_ftctl_coordinator_v1_StopResponse>): grpc.ClientUnaryCall;
  stop(argument: _ftctl_coordinator_v1_StopRequestInput, callback: grpc.requestCallback<_ftctl_coordinator_v1_StopResponse>): grpc.ClientUnaryCall;
  
  /**
   * The run's events, from a sequence number on, until the run ends.
   */
  Watch(argument: _ftctl_coordinator_v1_WatchRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_WatchResponse>;
  Watch(argument: _ftctl_coordinator_v1_WatchRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_WatchResponse>;
  /**
   * The run's events, from a sequence number on, until the run ends.
   */
  watch(argument: _ftctl_coordinator_v1_WatchRequestInput, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_WatchResponse>;
  watch(argument: _ftctl_coordinator_v1_WatchRequestInput, options?: grpc.CallOptions): grpc.ClientReadableStream<_ftctl_coordinator_v1_WatchResponse>;
  
}

/**
 * The coordinator of one run. Every call carries the run's join token: "authorization: Bearer TOKEN".
 */
export interface CoordinatorServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * A worker's control stream; it lasts as long as the worker.
   */
  Control: grpc.handleBidiStreamingCall<_ftctl_coordinator_v1_ControlRequest, _ftctl_coordinator_v1_ControlResponseInput>;
  
  /**
   * The state that a resumed run starts from.
   */
  FetchState: grpc.handleServerStreamingCall<_ftctl_coordinator_v1_FetchStateRequest, _ftctl_coordinator_v1_FetchStateResponseInput>;
  
  /**
   * A file by its SHA-256: model parts, manifest.
   */
  GetBlob: grpc.handleServerStreamingCall<_ftctl_coordinator_v1_GetBlobRequest, _ftctl_coordinator_v1_GetBlobResponseInput>;
  
  /**
   * Asks the run to stop; returns at once.
   */
  Stop: grpc.handleUnaryCall<_ftctl_coordinator_v1_StopRequest, _ftctl_coordinator_v1_StopResponseInput>;
  
  /**
   * The run's events, from a sequence number on, until the run ends.
   */
  Watch: grpc.handleServerStreamingCall<_ftctl_coordinator_v1_WatchRequest, _ftctl_coordinator_v1_WatchResponseInput>;
  
}

export interface CoordinatorServiceDefinition extends grpc.ServiceDefinition {
  Control: MethodDefinition<_ftctl_coordinator_v1_ControlRequestInput, _ftctl_coordinator_v1_ControlResponseInput, _ftctl_coordinator_v1_ControlRequest, _ftctl_coordinator_v1_ControlResponse>
  FetchState: MethodDefinition<_ftctl_coordinator_v1_FetchStateRequestInput, _ftctl_coordinator_v1_FetchStateResponseInput, _ftctl_coordinator_v1_FetchStateRequest, _ftctl_coordinator_v1_FetchStateResponse>
  GetBlob: MethodDefinition<_ftctl_coordinator_v1_GetBlobRequestInput, _ftctl_coordinator_v1_GetBlobResponseInput, _ftctl_coordinator_v1_GetBlobRequest, _ftctl_coordinator_v1_GetBlobResponse>
  Stop: MethodDefinition<_ftctl_coordinator_v1_StopRequestInput, _ftctl_coordinator_v1_StopResponseInput, _ftctl_coordinator_v1_StopRequest, _ftctl_coordinator_v1_StopResponse>
  Watch: MethodDefinition<_ftctl_coordinator_v1_WatchRequestInput, _ftctl_coordinator_v1_WatchResponseInput, _ftctl_coordinator_v1_WatchRequest, _ftctl_coordinator_v1_WatchResponse>
}
