// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { CoordinatorMessageInput as _ftctl_coordinator_v1_CoordinatorMessageInput, CoordinatorMessage as _ftctl_coordinator_v1_CoordinatorMessage } from '../../../ftctl/coordinator/v1/CoordinatorMessage.js';

export interface ControlResponseInput {
  'message'?: (_ftctl_coordinator_v1_CoordinatorMessageInput | null);
}

export interface ControlResponse {
  'message': (_ftctl_coordinator_v1_CoordinatorMessage | null);
}
