// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { HelloInput as _ftctl_coordinator_v1_HelloInput, Hello as _ftctl_coordinator_v1_Hello } from '../../../ftctl/coordinator/v1/Hello.js';
import type { ReadyInput as _ftctl_coordinator_v1_ReadyInput, Ready as _ftctl_coordinator_v1_Ready } from '../../../ftctl/coordinator/v1/Ready.js';
import type { PreparedInput as _ftctl_coordinator_v1_PreparedInput, Prepared as _ftctl_coordinator_v1_Prepared } from '../../../ftctl/coordinator/v1/Prepared.js';
import type { RoundReportInput as _ftctl_coordinator_v1_RoundReportInput, RoundReport as _ftctl_coordinator_v1_RoundReport } from '../../../ftctl/coordinator/v1/RoundReport.js';
import type { SnapshotHeldInput as _ftctl_coordinator_v1_SnapshotHeldInput, SnapshotHeld as _ftctl_coordinator_v1_SnapshotHeld } from '../../../ftctl/coordinator/v1/SnapshotHeld.js';
import type { PeerLostInput as _ftctl_coordinator_v1_PeerLostInput, PeerLost as _ftctl_coordinator_v1_PeerLost } from '../../../ftctl/coordinator/v1/PeerLost.js';
import type { FailedInput as _ftctl_coordinator_v1_FailedInput, Failed as _ftctl_coordinator_v1_Failed } from '../../../ftctl/coordinator/v1/Failed.js';
import type { StageInput as _ftctl_coordinator_v1_StageInput, Stage as _ftctl_coordinator_v1_Stage } from '../../../ftctl/coordinator/v1/Stage.js';

/**
 * Worker to coordinator. The first message of a stream is hello.
 */
export interface WorkerMessageInput {
  'hello'?: (_ftctl_coordinator_v1_HelloInput | null);
  'ready'?: (_ftctl_coordinator_v1_ReadyInput | null);
  'prepared'?: (_ftctl_coordinator_v1_PreparedInput | null);
  'round'?: (_ftctl_coordinator_v1_RoundReportInput | null);
  'snapshot'?: (_ftctl_coordinator_v1_SnapshotHeldInput | null);
  'peerLost'?: (_ftctl_coordinator_v1_PeerLostInput | null);
  'failed'?: (_ftctl_coordinator_v1_FailedInput | null);
  'stage'?: (_ftctl_coordinator_v1_StageInput | null);
  'message'?: "hello"|"ready"|"prepared"|"round"|"snapshot"|"peerLost"|"failed"|"stage";
}

/**
 * Worker to coordinator. The first message of a stream is hello.
 */
export interface WorkerMessage {
  'hello'?: (_ftctl_coordinator_v1_Hello | null);
  'ready'?: (_ftctl_coordinator_v1_Ready | null);
  'prepared'?: (_ftctl_coordinator_v1_Prepared | null);
  'round'?: (_ftctl_coordinator_v1_RoundReport | null);
  'snapshot'?: (_ftctl_coordinator_v1_SnapshotHeld | null);
  'peerLost'?: (_ftctl_coordinator_v1_PeerLost | null);
  'failed'?: (_ftctl_coordinator_v1_Failed | null);
  'stage'?: (_ftctl_coordinator_v1_Stage | null);
  'message'?: "hello"|"ready"|"prepared"|"round"|"snapshot"|"peerLost"|"failed"|"stage";
}
