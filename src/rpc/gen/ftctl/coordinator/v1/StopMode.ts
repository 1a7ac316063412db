// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * How to stop a run.
 */
export const StopMode = {
  STOP_MODE_UNSPECIFIED: 'STOP_MODE_UNSPECIFIED',
  /**
   * At the next step, with a checkpoint.
   */
  STOP_MODE_GRACEFUL: 'STOP_MODE_GRACEFUL',
  STOP_MODE_NOW: 'STOP_MODE_NOW',
} as const;

/**
 * How to stop a run.
 */
export type StopModeInput =
  | 'STOP_MODE_UNSPECIFIED'
  | 0
  /**
   * At the next step, with a checkpoint.
   */
  | 'STOP_MODE_GRACEFUL'
  | 1
  | 'STOP_MODE_NOW'
  | 2

/**
 * How to stop a run.
 */
export type StopMode = typeof StopMode[keyof typeof StopMode]
