// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { GenerationInput as _ftctl_common_v1_GenerationInput, Generation as _ftctl_common_v1_Generation } from '../../../ftctl/common/v1/Generation.js';
import type { Long } from '@grpc/proto-loader';

/**
 * The generation holds; its members go on after the round.
 */
export interface CommitInput {
  'generation'?: (_ftctl_common_v1_GenerationInput | null);
  'round'?: (number | string | Long);
}

/**
 * The generation holds; its members go on after the round.
 */
export interface Commit {
  'generation': (_ftctl_common_v1_Generation | null);
  'round': (number);
}
