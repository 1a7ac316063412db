// Generated from proto/ by `npm run proto:types`. Do not edit.

import type { Long } from '@grpc/proto-loader';

/**
 * What the worker is doing; also its heartbeat.
 */
export interface StageInput {
  'stage'?: (string);
  'round'?: (number | string | Long);
}

/**
 * What the worker is doing; also its heartbeat.
 */
export interface Stage {
  'stage': (string);
  'round': (number);
}
