// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { GenerationIdInput as _ftctl_common_v1_GenerationIdInput, GenerationId as _ftctl_common_v1_GenerationId } from '../../../ftctl/common/v1/GenerationId.js';

/**
 * A peer's stream broke or went silent. Void once the generation is past.
 */
export interface PeerLostInput {
  'generation'?: (_ftctl_common_v1_GenerationIdInput | null);
  /**
   * Incarnation.
   */
  'peer'?: (string);
  'cause'?: (string);
}

/**
 * A peer's stream broke or went silent. Void once the generation is past.
 */
export interface PeerLost {
  'generation': (_ftctl_common_v1_GenerationId | null);
  /**
   * Incarnation.
   */
  'peer': (string);
  'cause': (string);
}
