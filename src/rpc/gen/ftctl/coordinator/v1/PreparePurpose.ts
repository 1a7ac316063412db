// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * What a generation is prepared for.
 */
export const PreparePurpose = {
  PREPARE_PURPOSE_UNSPECIFIED: 'PREPARE_PURPOSE_UNSPECIFIED',
  PREPARE_PURPOSE_START: 'PREPARE_PURPOSE_START',
  PREPARE_PURPOSE_STOP: 'PREPARE_PURPOSE_STOP',
  /**
   * Other members: one is gone, or one has come.
   */
  PREPARE_PURPOSE_CHANGE: 'PREPARE_PURPOSE_CHANGE',
} as const;

/**
 * What a generation is prepared for.
 */
export type PreparePurposeInput =
  | 'PREPARE_PURPOSE_UNSPECIFIED'
  | 0
  | 'PREPARE_PURPOSE_START'
  | 1
  | 'PREPARE_PURPOSE_STOP'
  | 2
  /**
   * Other members: one is gone, or one has come.
   */
  | 'PREPARE_PURPOSE_CHANGE'
  | 3

/**
 * What a generation is prepared for.
 */
export type PreparePurpose = typeof PreparePurpose[keyof typeof PreparePurpose]
