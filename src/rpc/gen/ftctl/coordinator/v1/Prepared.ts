// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { GenerationIdInput as _ftctl_common_v1_GenerationIdInput, GenerationId as _ftctl_common_v1_GenerationId } from '../../../ftctl/common/v1/GenerationId.js';
import type { StateRefInput as _ftctl_common_v1_StateRefInput, StateRef as _ftctl_common_v1_StateRef } from '../../../ftctl/common/v1/StateRef.js';

/**
 * The promise to send and apply nothing under older ids.
 */
export interface PreparedInput {
  'generation'?: (_ftctl_common_v1_GenerationIdInput | null);
  'state'?: (_ftctl_common_v1_StateRefInput | null);
}

/**
 * The promise to send and apply nothing under older ids.
 */
export interface Prepared {
  'generation': (_ftctl_common_v1_GenerationId | null);
  'state': (_ftctl_common_v1_StateRef | null);
}
