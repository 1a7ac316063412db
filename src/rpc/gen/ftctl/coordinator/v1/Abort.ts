// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { ErrorInput as _ftctl_common_v1_ErrorInput, Error as _ftctl_common_v1_Error } from '../../../ftctl/common/v1/Error.js';

/**
 * The run failed.
 */
export interface AbortInput {
  'error'?: (_ftctl_common_v1_ErrorInput | null);
}

/**
 * The run failed.
 */
export interface Abort {
  'error': (_ftctl_common_v1_Error | null);
}
