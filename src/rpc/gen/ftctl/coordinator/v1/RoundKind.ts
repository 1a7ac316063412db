// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * What a round was.
 */
export const RoundKind = {
  ROUND_KIND_UNSPECIFIED: 'ROUND_KIND_UNSPECIFIED',
  ROUND_KIND_STEP: 'ROUND_KIND_STEP',
  ROUND_KIND_EVALUATE: 'ROUND_KIND_EVALUATE',
  ROUND_KIND_PHASE: 'ROUND_KIND_PHASE',
} as const;

/**
 * What a round was.
 */
export type RoundKindInput =
  | 'ROUND_KIND_UNSPECIFIED'
  | 0
  | 'ROUND_KIND_STEP'
  | 1
  | 'ROUND_KIND_EVALUATE'
  | 2
  | 'ROUND_KIND_PHASE'
  | 3

/**
 * What a round was.
 */
export type RoundKind = typeof RoundKind[keyof typeof RoundKind]
