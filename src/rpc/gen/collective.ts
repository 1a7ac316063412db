// Generated from proto/ by `npm run proto:types`. Do not edit.

import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { CollectiveServiceClient as _ftctl_collective_v1_CollectiveServiceClient, CollectiveServiceDefinition as _ftctl_collective_v1_CollectiveServiceDefinition } from './ftctl/collective/v1/CollectiveService.js';
import type { FetchStateRequestInput as _ftctl_collective_v1_FetchStateRequestInput, FetchStateRequest as _ftctl_collective_v1_FetchStateRequest } from './ftctl/collective/v1/FetchStateRequest.js';
import type { FetchStateResponseInput as _ftctl_collective_v1_FetchStateResponseInput, FetchStateResponse as _ftctl_collective_v1_FetchStateResponse } from './ftctl/collective/v1/FetchStateResponse.js';
import type { ReceiveRequestInput as _ftctl_collective_v1_ReceiveRequestInput, ReceiveRequest as _ftctl_collective_v1_ReceiveRequest } from './ftctl/collective/v1/ReceiveRequest.js';
import type { ReceiveResponseInput as _ftctl_collective_v1_ReceiveResponseInput, ReceiveResponse as _ftctl_collective_v1_ReceiveResponse } from './ftctl/collective/v1/ReceiveResponse.js';
import type { GenerationInput as _ftctl_common_v1_GenerationInput, Generation as _ftctl_common_v1_Generation } from './ftctl/common/v1/Generation.js';
import type { GenerationIdInput as _ftctl_common_v1_GenerationIdInput, GenerationId as _ftctl_common_v1_GenerationId } from './ftctl/common/v1/GenerationId.js';
import type { MemberInput as _ftctl_common_v1_MemberInput, Member as _ftctl_common_v1_Member } from './ftctl/common/v1/Member.js';
import type { StateRefInput as _ftctl_common_v1_StateRefInput, StateRef as _ftctl_common_v1_StateRef } from './ftctl/common/v1/StateRef.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  ftctl: {
    collective: {
      v1: {
        /**
         * What a worker offers the other workers of its run. Every call carries the run's join token:
         * "authorization: Bearer TOKEN".
         */
        CollectiveService: SubtypeConstructor<typeof grpc.Client, _ftctl_collective_v1_CollectiveServiceClient> & { service: _ftctl_collective_v1_CollectiveServiceDefinition }
        FetchStateRequest: MessageTypeDefinition<_ftctl_collective_v1_FetchStateRequestInput, _ftctl_collective_v1_FetchStateRequest>
        FetchStateResponse: MessageTypeDefinition<_ftctl_collective_v1_FetchStateResponseInput, _ftctl_collective_v1_FetchStateResponse>
        ReceiveRequest: MessageTypeDefinition<_ftctl_collective_v1_ReceiveRequestInput, _ftctl_collective_v1_ReceiveRequest>
        ReceiveResponse: MessageTypeDefinition<_ftctl_collective_v1_ReceiveResponseInput, _ftctl_collective_v1_ReceiveResponse>
      }
    }
    common: {
      v1: {
        Generation: MessageTypeDefinition<_ftctl_common_v1_GenerationInput, _ftctl_common_v1_Generation>
        GenerationId: MessageTypeDefinition<_ftctl_common_v1_GenerationIdInput, _ftctl_common_v1_GenerationId>
        Member: MessageTypeDefinition<_ftctl_common_v1_MemberInput, _ftctl_common_v1_Member>
        SnapshotKind: EnumTypeDefinition
        StateRef: MessageTypeDefinition<_ftctl_common_v1_StateRefInput, _ftctl_common_v1_StateRef>
      }
    }
  }
}

