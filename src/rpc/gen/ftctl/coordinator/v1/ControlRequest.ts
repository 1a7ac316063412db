// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { WorkerMessageInput as _ftctl_coordinator_v1_WorkerMessageInput, WorkerMessage as _ftctl_coordinator_v1_WorkerMessage } from '../../../ftctl/coordinator/v1/WorkerMessage.js';

export interface ControlRequestInput {
  'message'?: (_ftctl_coordinator_v1_WorkerMessageInput | null);
}

export interface ControlRequest {
  'message': (_ftctl_coordinator_v1_WorkerMessage | null);
}
