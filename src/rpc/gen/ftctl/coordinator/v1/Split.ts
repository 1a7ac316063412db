// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * A part of the data set.
 */
export const Split = {
  SPLIT_UNSPECIFIED: 'SPLIT_UNSPECIFIED',
  SPLIT_TRAIN: 'SPLIT_TRAIN',
  SPLIT_VAL: 'SPLIT_VAL',
  SPLIT_TEST: 'SPLIT_TEST',
} as const;

/**
 * A part of the data set.
 */
export type SplitInput =
  | 'SPLIT_UNSPECIFIED'
  | 0
  | 'SPLIT_TRAIN'
  | 1
  | 'SPLIT_VAL'
  | 2
  | 'SPLIT_TEST'
  | 3

/**
 * A part of the data set.
 */
export type Split = typeof Split[keyof typeof Split]
