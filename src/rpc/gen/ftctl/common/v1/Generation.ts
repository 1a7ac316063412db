// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { GenerationIdInput as _ftctl_common_v1_GenerationIdInput, GenerationId as _ftctl_common_v1_GenerationId } from '../../../ftctl/common/v1/GenerationId.js';
import type { MemberInput as _ftctl_common_v1_MemberInput, Member as _ftctl_common_v1_Member } from '../../../ftctl/common/v1/Member.js';
import type { Long } from '@grpc/proto-loader';

/**
 * One membership, with everything that its members must agree on.
 */
export interface GenerationInput {
  'id'?: (_ftctl_common_v1_GenerationIdInput | null);
  'members'?: (_ftctl_common_v1_MemberInput)[];
  'numShards'?: (number);
  /**
   * Vectors of at least this many elements take two hops; shorter ones take one.
   */
  'twoHopFromElements'?: (number | string | Long);
}

/**
 * One membership, with everything that its members must agree on.
 */
export interface Generation {
  'id': (_ftctl_common_v1_GenerationId | null);
  'members': (_ftctl_common_v1_Member)[];
  'numShards': (number);
  /**
   * Vectors of at least this many elements take two hops; shorter ones take one.
   */
  'twoHopFromElements': (number);
}
