// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { WelcomeInput as _ftctl_coordinator_v1_WelcomeInput, Welcome as _ftctl_coordinator_v1_Welcome } from '../../../ftctl/coordinator/v1/Welcome.js';
import type { PrepareInput as _ftctl_coordinator_v1_PrepareInput, Prepare as _ftctl_coordinator_v1_Prepare } from '../../../ftctl/coordinator/v1/Prepare.js';
import type { CommitInput as _ftctl_coordinator_v1_CommitInput, Commit as _ftctl_coordinator_v1_Commit } from '../../../ftctl/coordinator/v1/Commit.js';
import type { AcknowledgeInput as _ftctl_coordinator_v1_AcknowledgeInput, Acknowledge as _ftctl_coordinator_v1_Acknowledge } from '../../../ftctl/coordinator/v1/Acknowledge.js';
import type { ReleaseInput as _ftctl_coordinator_v1_ReleaseInput, Release as _ftctl_coordinator_v1_Release } from '../../../ftctl/coordinator/v1/Release.js';
import type { AbortInput as _ftctl_coordinator_v1_AbortInput, Abort as _ftctl_coordinator_v1_Abort } from '../../../ftctl/coordinator/v1/Abort.js';

/**
 * Coordinator to worker.
 */
export interface CoordinatorMessageInput {
  'welcome'?: (_ftctl_coordinator_v1_WelcomeInput | null);
  'prepare'?: (_ftctl_coordinator_v1_PrepareInput | null);
  'commit'?: (_ftctl_coordinator_v1_CommitInput | null);
  'acknowledge'?: (_ftctl_coordinator_v1_AcknowledgeInput | null);
  'release'?: (_ftctl_coordinator_v1_ReleaseInput | null);
  'abort'?: (_ftctl_coordinator_v1_AbortInput | null);
  'message'?: "welcome"|"prepare"|"commit"|"acknowledge"|"release"|"abort";
}

/**
 * Coordinator to worker.
 */
export interface CoordinatorMessage {
  'welcome'?: (_ftctl_coordinator_v1_Welcome | null);
  'prepare'?: (_ftctl_coordinator_v1_Prepare | null);
  'commit'?: (_ftctl_coordinator_v1_Commit | null);
  'acknowledge'?: (_ftctl_coordinator_v1_Acknowledge | null);
  'release'?: (_ftctl_coordinator_v1_Release | null);
  'abort'?: (_ftctl_coordinator_v1_Abort | null);
  'message'?: "welcome"|"prepare"|"commit"|"acknowledge"|"release"|"abort";
}
