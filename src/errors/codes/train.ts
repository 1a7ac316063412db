import type { CatalogueEntry } from '../catalogue-entry.js';

/** Training itself, and the states that it keeps on disk. */
export const trainCodes = {
  FT_LOSS_NOT_FINITE: {
    exit: 4,
    summary: 'The loss or the gradient of a global batch is infinite or not a number.',
    remedy:
      'Start again with a lower learning rate in the phase that it happened in (for example --set phases.0.optimizer.learningRate=0.001), a warm-up (--set phases.0.schedule.warmup.epochs=1) or a limit of the gradient (--set phases.0.clip.norm=1).',
  },
  FT_SPLIT_EMPTY: {
    exit: 3,
    summary: 'A split that training needs has no samples.',
    remedy: 'Give data.split.train and data.split.val larger fractions, or add images.',
  },
  FT_CHECKPOINT_DAMAGED: {
    exit: 5,
    summary: 'A checkpoint is truncated or was changed: its contents do not match its checksum.',
    remedy:
      'Remove the damaged file; `ftctl launch --resume RUN` goes on from the newest intact checkpoint.',
  },
  FT_CHECKPOINT_VERSION: {
    exit: 2,
    summary: 'A checkpoint has a format version that this ftctl does not read.',
    remedy: 'Use the version of ftctl that wrote the run.',
  },
  FT_CHECKPOINT_MISMATCH: {
    exit: 2,
    summary: 'A checkpoint belongs to another configuration: it does not fit into this run.',
    remedy: 'Resume with the configuration that the run was started with, or start a new run.',
  },
  FT_STATE_TOO_LARGE: {
    exit: 2,
    summary: 'A run would train more parameters than a state can hold.',
    remedy: 'Train fewer layers (`train`, `except`), or fewer classes.',
  },
} as const satisfies Record<string, CatalogueEntry>;
