// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { Long } from '@grpc/proto-loader';

export interface WatchResponseInput {
  /**
   * Grows by 1 with each event of the coordinator's life. A late or slow watcher is spared some progress events: its
   * sequence then has gaps.
   */
  'sequence'?: (number | string | Long);
  /**
   * One event, as in events.jsonl.
   */
  'eventJson'?: (string);
}

export interface WatchResponse {
  /**
   * Grows by 1 with each event of the coordinator's life. A late or slow watcher is spared some progress events: its
   * sequence then has gaps.
   */
  'sequence': (number);
  /**
   * One event, as in events.jsonl.
   */
  'eventJson': (string);
}
