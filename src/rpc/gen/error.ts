// Generated from proto/ by `npm run proto:types`. Do not edit.

import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { ErrorInput as _ftctl_common_v1_ErrorInput, Error as _ftctl_common_v1_Error } from './ftctl/common/v1/Error.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  ftctl: {
    common: {
      v1: {
        Error: MessageTypeDefinition<_ftctl_common_v1_ErrorInput, _ftctl_common_v1_Error>
      }
    }
  }
}

