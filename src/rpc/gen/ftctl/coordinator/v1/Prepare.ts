// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { GenerationInput as _ftctl_common_v1_GenerationInput, Generation as _ftctl_common_v1_Generation } from '../../../ftctl/common/v1/Generation.js';
import type { PreparePurposeInput as _ftctl_coordinator_v1_PreparePurposeInput, PreparePurpose as _ftctl_coordinator_v1_PreparePurpose } from '../../../ftctl/coordinator/v1/PreparePurpose.js';

/**
 * Asks for the promise.
 */
export interface PrepareInput {
  'generation'?: (_ftctl_common_v1_GenerationInput | null);
  'purpose'?: (_ftctl_coordinator_v1_PreparePurposeInput);
}

/**
 * Asks for the promise.
 */
export interface Prepare {
  'generation': (_ftctl_common_v1_Generation | null);
  'purpose': (_ftctl_coordinator_v1_PreparePurpose);
}
