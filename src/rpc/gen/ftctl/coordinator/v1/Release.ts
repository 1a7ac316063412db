// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * The run is over for this worker.
 */
export interface ReleaseInput {
  'reason'?: (string);
}

/**
 * The run is over for this worker.
 */
export interface Release {
  'reason': (string);
}
