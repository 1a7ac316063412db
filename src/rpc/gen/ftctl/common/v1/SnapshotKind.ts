// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * Why a state is kept.
 */
export const SnapshotKind = {
  SNAPSHOT_KIND_UNSPECIFIED: 'SNAPSHOT_KIND_UNSPECIFIED',
  SNAPSHOT_KIND_CHECKPOINT: 'SNAPSHOT_KIND_CHECKPOINT',
  SNAPSHOT_KIND_BEST: 'SNAPSHOT_KIND_BEST',
  SNAPSHOT_KIND_FINAL: 'SNAPSHOT_KIND_FINAL',
} as const;

/**
 * Why a state is kept.
 */
export type SnapshotKindInput =
  | 'SNAPSHOT_KIND_UNSPECIFIED'
  | 0
  | 'SNAPSHOT_KIND_CHECKPOINT'
  | 1
  | 'SNAPSHOT_KIND_BEST'
  | 2
  | 'SNAPSHOT_KIND_FINAL'
  | 3

/**
 * Why a state is kept.
 */
export type SnapshotKind = typeof SnapshotKind[keyof typeof SnapshotKind]
