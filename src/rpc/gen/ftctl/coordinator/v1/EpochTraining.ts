// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * Means over the training steps of an epoch: the loss by the weights of the samples.
 */
export interface EpochTrainingInput {
  'loss'?: (number | string);
  'accuracy'?: (number | string);
}

/**
 * Means over the training steps of an epoch: the loss by the weights of the samples.
 */
export interface EpochTraining {
  'loss': (number);
  'accuracy': (number);
}
