// Generated from proto/ by `npm run proto:types`. Do not edit.

import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { StateRefInput as _ftctl_common_v1_StateRefInput, StateRef as _ftctl_common_v1_StateRef } from './ftctl/common/v1/StateRef.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  ftctl: {
    common: {
      v1: {
        SnapshotKind: EnumTypeDefinition
        StateRef: MessageTypeDefinition<_ftctl_common_v1_StateRefInput, _ftctl_common_v1_StateRef>
      }
    }
  }
}

