// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { StateRefInput as _ftctl_common_v1_StateRefInput, StateRef as _ftctl_common_v1_StateRef } from '../../../ftctl/common/v1/StateRef.js';
import type { Long } from '@grpc/proto-loader';

/**
 * The answer to hello: everything that a worker needs to get ready.
 */
export interface WelcomeInput {
  'term'?: (number | string | Long);
  /**
   * JSON of the run's configuration, manifest reference and prepared model.
   */
  'bundle'?: (string);
  /**
   * The state to start from, fetched from the coordinator. Absent: the initial state, made from the seed.
   */
  'resume'?: (_ftctl_common_v1_StateRefInput | null);
  /**
   * Longest silence of a worker; it gives a sign of life four times as often.
   */
  'toleranceMs'?: (number | string);
}

/**
 * The answer to hello: everything that a worker needs to get ready.
 */
export interface Welcome {
  'term': (number);
  /**
   * JSON of the run's configuration, manifest reference and prepared model.
   */
  'bundle': (string);
  /**
   * The state to start from, fetched from the coordinator. Absent: the initial state, made from the seed.
   */
  'resume': (_ftctl_common_v1_StateRef | null);
  /**
   * Longest silence of a worker; it gives a sign of life four times as often.
   */
  'toleranceMs': (number);
}
