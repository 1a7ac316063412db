// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { StateRefInput as _ftctl_common_v1_StateRefInput, StateRef as _ftctl_common_v1_StateRef } from '../../../ftctl/common/v1/StateRef.js';

export interface FetchStateRequestInput {
  'state'?: (_ftctl_common_v1_StateRefInput | null);
}

export interface FetchStateRequest {
  'state': (_ftctl_common_v1_StateRef | null);
}
