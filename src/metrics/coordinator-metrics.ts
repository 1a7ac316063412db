import { type ProcessReadings, processMetrics } from './process-metrics.js';
import { byLabel, type Exposition, makeExposition, type MetricDefinition } from './registry.js';

type Split = 'train' | 'val' | 'test';

/** The run as its coordinator knows it; totals count from the start of the coordinator's process. */
export interface RunReadings {
  readonly term: number;
  readonly generation: number | null;
  readonly round: number;
  readonly phase: number;
  readonly epoch: number;
  /** Epochs of the whole run; 0: not known yet. */
  readonly epochs: number;
  /** Of the last step and the last evaluations; a split that was not scored yet is absent. */
  readonly loss: Readonly<Partial<Record<Split, number>>>;
  readonly accuracy: Readonly<Partial<Record<Split, number>>>;
  readonly learningRate: number | null;
  readonly imagesPerSecond: number | null;
  /** Members of the current generation. */
  readonly workers: number;
  /** Applied, since the start of the run; and in each epoch. */
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly workersLost: number;
  readonly rowsComputed: number;
  readonly rowsCached: number;
  readonly checkpoints: Readonly<Record<'checkpoint' | 'best' | 'final', number>>;
  readonly warnings: number;
}

/** All that a coordinator shows. */
export interface CoordinatorReadings {
  readonly run: RunReadings;
  readonly process: ProcessReadings;
}

/** Listed in docs/metrics.md. */
export const coordinatorMetrics: readonly MetricDefinition<CoordinatorReadings>[] = [
  {
    name: 'ftctl_run_generation_term',
    type: 'gauge',
    help: "The coordinator's term.",
    read: ({ run }) => run.term,
  },
  {
    name: 'ftctl_run_generation_number',
    type: 'gauge',
    help: 'Number of the current generation; absent before the first one.',
    read: ({ run }) => run.generation,
  },
  {
    name: 'ftctl_run_workers',
    type: 'gauge',
    help: 'Members of the current generation.',
    read: ({ run }) => run.workers,
  },
  {
    name: 'ftctl_run_round',
    type: 'gauge',
    help: 'Last round that was reported, from the start of the run.',
    read: ({ run }) => run.round,
  },
  {
    name: 'ftctl_run_phase',
    type: 'gauge',
    help: 'Training phase, from 0.',
    read: ({ run }) => run.phase,
  },
  {
    name: 'ftctl_run_epoch',
    type: 'gauge',
    help: 'Epoch, from 0 over the whole run.',
    read: ({ run }) => run.epoch,
  },
  {
    name: 'ftctl_run_epochs',
    type: 'gauge',
    help: 'Epochs of the whole run; 0 before the first step.',
    read: ({ run }) => run.epochs,
  },
  {
    name: 'ftctl_run_loss',
    type: 'gauge',
    help: 'Mean loss: of the last step (train), of the last evaluation (val, test).',
    labels: ['split'],
    read: ({ run }) => byLabel('split', run.loss),
  },
  {
    name: 'ftctl_run_accuracy_ratio',
    type: 'gauge',
    help: 'Fraction of right predictions, 0 to 1: of the last step (train), of the last evaluation (val, test).',
    labels: ['split'],
    read: ({ run }) => byLabel('split', run.accuracy),
  },
  {
    name: 'ftctl_run_learning_rate',
    type: 'gauge',
    help: 'Learning rate of the last step.',
    read: ({ run }) => run.learningRate,
  },
  {
    name: 'ftctl_run_images_per_second',
    type: 'gauge',
    help: 'Training images that all workers together handle in a second, now.',
    read: ({ run }) => run.imagesPerSecond,
  },
  {
    name: 'ftctl_run_steps_total',
    type: 'counter',
    help: 'Applied steps since the start of the run.',
    read: ({ run }) => run.steps,
  },
  {
    name: 'ftctl_run_feature_rows_total',
    type: 'counter',
    help: 'Feature rows of finished epochs over all workers, by whether a backbone computed them or the cache had them.',
    labels: ['source'],
    read: ({ run }) => byLabel('source', { computed: run.rowsComputed, cached: run.rowsCached }),
  },
  {
    name: 'ftctl_run_checkpoints_total',
    type: 'counter',
    help: 'Checkpoints on disk, by kind.',
    labels: ['kind'],
    read: ({ run }) => byLabel('kind', run.checkpoints),
  },
  {
    name: 'ftctl_run_workers_lost_total',
    type: 'counter',
    help: 'Workers that died or fell silent.',
    read: ({ run }) => run.workersLost,
  },
  {
    name: 'ftctl_run_warnings_total',
    type: 'counter',
    help: 'Warnings of the run; their text is in events.jsonl.',
    read: ({ run }) => run.warnings,
  },
  ...processMetrics,
];

/** What the coordinator of `run` shows at `/metrics`; `read` is called once for each scrape. */
export function exposeCoordinator(options: {
  run: string;
  read: () => CoordinatorReadings;
}): Exposition {
  const labels = { run: options.run, role: 'coordinator' };
  return makeExposition({ definitions: coordinatorMetrics, labels, read: options.read });
}
