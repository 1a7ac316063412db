import type { CatalogueEntry } from '../catalogue-entry.js';

/** Computing features, and using a trained model. */
export const featureCodes = {
  FT_DATA_CHANGED: {
    exit: 3,
    summary: 'An image was removed or changed after the run was started with it.',
    remedy: 'Put the file back, or start a new run on the data as they are now.',
  },
  FT_EVALUATE_CLASSES: {
    exit: 3,
    summary: 'The data to evaluate on has classes that the model was not trained on.',
    remedy:
      'Name the folders, or labels, as in the model (labels.json or class-ids.json), and leave other classes out.',
  },
  FT_THREAD_LOST: {
    exit: 5,
    summary:
      'A background thread of a process ended unexpectedly, for example because its memory ran out.',
    remedy:
      'Look into the log files in the run folder (logs/); continue with `ftctl launch --resume RUN`.',
  },
  FT_FEATURES_CLOSED: {
    exit: 1,
    summary: 'Features were asked for, or still awaited, when their source was closed.',
    remedy:
      'It follows from another error, or from stopping; look at the first one in the log files.',
  },
} as const satisfies Record<string, CatalogueEntry>;
