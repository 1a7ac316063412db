// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { GenerationIdInput as _ftctl_common_v1_GenerationIdInput, GenerationId as _ftctl_common_v1_GenerationId } from '../../../ftctl/common/v1/GenerationId.js';

export interface ReceiveRequestInput {
  /**
   * The generation that the stream is opened for. The stream outlives it, as long as both are members.
   */
  'generation'?: (_ftctl_common_v1_GenerationIdInput | null);
  /**
   * Incarnation of the caller.
   */
  'receiver'?: (string);
  /**
   * Incarnation that the caller expects at this address.
   */
  'sender'?: (string);
}

export interface ReceiveRequest {
  /**
   * The generation that the stream is opened for. The stream outlives it, as long as both are members.
   */
  'generation': (_ftctl_common_v1_GenerationId | null);
  /**
   * Incarnation of the caller.
   */
  'receiver': (string);
  /**
   * Incarnation that the caller expects at this address.
   */
  'sender': (string);
}
