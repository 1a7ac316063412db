// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { GenerationInput as _ftctl_common_v1_GenerationInput, Generation as _ftctl_common_v1_Generation } from '../../../ftctl/common/v1/Generation.js';
import type { StateRefInput as _ftctl_common_v1_StateRefInput, StateRef as _ftctl_common_v1_StateRef } from '../../../ftctl/common/v1/StateRef.js';

/**
 * The generation holds; its members go on from the state.
 */
export interface CommitInput {
  'generation'?: (_ftctl_common_v1_GenerationInput | null);
  'state'?: (_ftctl_common_v1_StateRefInput | null);
  /**
   * host:port of the members that have the state, for those that do not. Empty: the coordinator has it.
   */
  'holders'?: (string)[];
}

/**
 * The generation holds; its members go on from the state.
 */
export interface Commit {
  'generation': (_ftctl_common_v1_Generation | null);
  'state': (_ftctl_common_v1_StateRef | null);
  /**
   * host:port of the members that have the state, for those that do not. Empty: the coordinator has it.
   */
  'holders': (string)[];
}
