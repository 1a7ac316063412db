/** What a training graph (models/derivatives/training-graph.ts) calls its inputs and outputs; a tensor of the state has its own name. */
export const graphNames = {
  features: 'features',
  targets: 'targets',
  labels: 'labels',
  rowMask: 'row_mask',
  losses: 'losses',
  correct: 'correct',
  dropout: (layer: string) => `dropout/${layer}`,
  gradient: (parameter: string) => `gradient/${parameter}`,
  batchMean: (layer: string) => `batch_mean/${layer}`,
  batchVariance: (layer: string) => `batch_var/${layer}`,
} as const;
