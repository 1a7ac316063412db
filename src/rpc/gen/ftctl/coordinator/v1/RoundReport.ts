// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { GenerationIdInput as _ftctl_common_v1_GenerationIdInput, GenerationId as _ftctl_common_v1_GenerationId } from '../../../ftctl/common/v1/GenerationId.js';
import type { RoundKindInput as _ftctl_coordinator_v1_RoundKindInput, RoundKind as _ftctl_coordinator_v1_RoundKind } from '../../../ftctl/coordinator/v1/RoundKind.js';
import type { SplitInput as _ftctl_coordinator_v1_SplitInput, Split as _ftctl_coordinator_v1_Split } from '../../../ftctl/coordinator/v1/Split.js';
import type { LocalReportInput as _ftctl_coordinator_v1_LocalReportInput, LocalReport as _ftctl_coordinator_v1_LocalReport } from '../../../ftctl/coordinator/v1/LocalReport.js';
import type { EpochTrainingInput as _ftctl_coordinator_v1_EpochTrainingInput, EpochTraining as _ftctl_coordinator_v1_EpochTraining } from '../../../ftctl/coordinator/v1/EpochTraining.js';
import type { Long } from '@grpc/proto-loader';

/**
 * One applied round: a ledger entry, the same from every worker, and the sender's own telemetry.
 */
export interface RoundReportInput {
  'generation'?: (_ftctl_common_v1_GenerationIdInput | null);
  'round'?: (number | string | Long);
  'kind'?: (_ftctl_coordinator_v1_RoundKindInput);
  'phase'?: (number);
  'epoch'?: (number);
  'step'?: (number);
  /**
   * Running hash of the reduced vectors, hex.
   */
  'ledger'?: (string);
  'split'?: (_ftctl_coordinator_v1_SplitInput);
  /**
   * Of the global batch or of the whole split.
   */
  'samples'?: (number | string | Long);
  'loss'?: (number | string);
  'accuracy'?: (number | string);
  'learningRate'?: (number | string);
  'local'?: (_ftctl_coordinator_v1_LocalReportInput | null);
  /**
   * Of an evaluation on val, which ends an epoch; absent otherwise.
   */
  'epochTraining'?: (_ftctl_coordinator_v1_EpochTrainingInput | null);
}

/**
 * One applied round: a ledger entry, the same from every worker, and the sender's own telemetry.
 */
export interface RoundReport {
  'generation': (_ftctl_common_v1_GenerationId | null);
  'round': (number);
  'kind': (_ftctl_coordinator_v1_RoundKind);
  'phase': (number);
  'epoch': (number);
  'step': (number);
  /**
   * Running hash of the reduced vectors, hex.
   */
  'ledger': (string);
  'split': (_ftctl_coordinator_v1_Split);
  /**
   * Of the global batch or of the whole split.
   */
  'samples': (number);
  'loss': (number);
  'accuracy': (number);
  'learningRate': (number);
  'local': (_ftctl_coordinator_v1_LocalReport | null);
  /**
   * Of an evaluation on val, which ends an epoch; absent otherwise.
   */
  'epochTraining': (_ftctl_coordinator_v1_EpochTraining | null);
}
