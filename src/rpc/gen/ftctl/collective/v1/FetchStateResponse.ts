// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { Long } from '@grpc/proto-loader';

/**
 * The bytes in order, in chunks of at most 256 KiB.
 */
export interface FetchStateResponseInput {
  /**
   * In the first response: length of the whole.
   */
  'totalBytes'?: (number | string | Long);
  'chunk'?: (Buffer | Uint8Array | string);
  /**
   * In the last response: SHA-256 of the bytes, hex.
   */
  'sha256'?: (string);
}

/**
 * The bytes in order, in chunks of at most 256 KiB.
 */
export interface FetchStateResponse {
  /**
   * In the first response: length of the whole.
   */
  'totalBytes': (number);
  'chunk': (Buffer);
  /**
   * In the last response: SHA-256 of the bytes, hex.
   */
  'sha256': (string);
}
