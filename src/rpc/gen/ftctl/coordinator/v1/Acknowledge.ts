// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { StateRefInput as _ftctl_common_v1_StateRefInput, StateRef as _ftctl_common_v1_StateRef } from '../../../ftctl/common/v1/StateRef.js';
import type { SnapshotKindInput as _ftctl_common_v1_SnapshotKindInput, SnapshotKind as _ftctl_common_v1_SnapshotKind } from '../../../ftctl/common/v1/SnapshotKind.js';

/**
 * A state is on disk; its copy may be dropped.
 */
export interface AcknowledgeInput {
  'state'?: (_ftctl_common_v1_StateRefInput | null);
  'kind'?: (_ftctl_common_v1_SnapshotKindInput);
}

/**
 * A state is on disk; its copy may be dropped.
 */
export interface Acknowledge {
  'state': (_ftctl_common_v1_StateRef | null);
  'kind': (_ftctl_common_v1_SnapshotKind);
}
