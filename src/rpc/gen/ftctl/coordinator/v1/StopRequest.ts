// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { StopModeInput as _ftctl_coordinator_v1_StopModeInput, StopMode as _ftctl_coordinator_v1_StopMode } from '../../../ftctl/coordinator/v1/StopMode.js';

export interface StopRequestInput {
  'mode'?: (_ftctl_coordinator_v1_StopModeInput);
}

export interface StopRequest {
  'mode': (_ftctl_coordinator_v1_StopMode);
}
