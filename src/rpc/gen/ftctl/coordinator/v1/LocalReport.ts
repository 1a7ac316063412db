// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { Long } from '@grpc/proto-loader';

/**
 * The sender's own share of a round.
 */
export interface LocalReportInput {
  /**
   * Seconds per time bucket since the last report.
   */
  'seconds'?: ({[key: string]: number | string});
  /**
   * Totals since the worker started.
   */
  'rowsComputed'?: (number | string | Long);
  'rowsCached'?: (number | string | Long);
  'samples'?: (number | string | Long);
  'bytesSent'?: (number | string | Long);
  /**
   * Longest time that the control thread was blocked since the last report.
   */
  'longestBlockMs'?: (number | string);
}

/**
 * The sender's own share of a round.
 */
export interface LocalReport {
  /**
   * Seconds per time bucket since the last report.
   */
  'seconds': ({[key: string]: number});
  /**
   * Totals since the worker started.
   */
  'rowsComputed': (number);
  'rowsCached': (number);
  'samples': (number);
  'bytesSent': (number);
  /**
   * Longest time that the control thread was blocked since the last report.
   */
  'longestBlockMs': (number);
}
