// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { StateRefInput as _ftctl_common_v1_StateRefInput, StateRef as _ftctl_common_v1_StateRef } from '../../../ftctl/common/v1/StateRef.js';

/**
 * Model loaded and data there: the worker can be a member.
 */
export interface ReadyInput {
  'state'?: (_ftctl_common_v1_StateRefInput | null);
}

/**
 * Model loaded and data there: the worker can be a member.
 */
export interface Ready {
  'state': (_ftctl_common_v1_StateRef | null);
}
