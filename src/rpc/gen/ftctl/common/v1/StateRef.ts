// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { Long } from '@grpc/proto-loader';

/**
 * Names a training state. A state is valid by its round and hash, whoever made it.
 */
export interface StateRefInput {
  'round'?: (number | string | Long);
  /**
   * Hex.
   */
  'hash'?: (string);
}

/**
 * Names a training state. A state is valid by its round and hash, whoever made it.
 */
export interface StateRef {
  'round': (number);
  /**
   * Hex.
   */
  'hash': (string);
}
