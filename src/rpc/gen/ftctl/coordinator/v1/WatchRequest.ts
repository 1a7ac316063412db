// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { Long } from '@grpc/proto-loader';

export interface WatchRequestInput {
  /**
   * The first event wanted; 0 is the first of the run.
   */
  'from'?: (number | string | Long);
}

export interface WatchRequest {
  /**
   * The first event wanted; 0 is the first of the run.
   */
  'from': (number);
}
