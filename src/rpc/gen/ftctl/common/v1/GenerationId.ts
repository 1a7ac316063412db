// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { Long } from '@grpc/proto-loader';

/**
 * A membership's id. Compared by term, then by number.
 */
export interface GenerationIdInput {
  /**
   * One life of the coordinator.
   */
  'term'?: (number | string | Long);
  'number'?: (number | string | Long);
}

/**
 * A membership's id. Compared by term, then by number.
 */
export interface GenerationId {
  /**
   * One life of the coordinator.
   */
  'term': (number);
  'number': (number);
}
