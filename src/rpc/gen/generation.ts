// Generated from proto/ by `npm run proto:types`. Do not edit.

import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { GenerationInput as _ftctl_common_v1_GenerationInput, Generation as _ftctl_common_v1_Generation } from './ftctl/common/v1/Generation.js';
import type { GenerationIdInput as _ftctl_common_v1_GenerationIdInput, GenerationId as _ftctl_common_v1_GenerationId } from './ftctl/common/v1/GenerationId.js';
import type { MemberInput as _ftctl_common_v1_MemberInput, Member as _ftctl_common_v1_Member } from './ftctl/common/v1/Member.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  ftctl: {
    common: {
      v1: {
        Generation: MessageTypeDefinition<_ftctl_common_v1_GenerationInput, _ftctl_common_v1_Generation>
        GenerationId: MessageTypeDefinition<_ftctl_common_v1_GenerationIdInput, _ftctl_common_v1_GenerationId>
        Member: MessageTypeDefinition<_ftctl_common_v1_MemberInput, _ftctl_common_v1_Member>
      }
    }
  }
}

