import { type ProcessReadings, processMetrics } from './process-metrics.js';
import { byLabel, type Exposition, makeExposition, type MetricDefinition } from './registry.js';
import type { TimeBucket } from './timeline.js';

/** All that a worker shows, as it is now; totals count from the start of the process. */
export interface WorkerReadings {
  /** From the step loop's {@link BucketClock}. */
  readonly loopSeconds: Readonly<Record<TimeBucket, number>>;
  /** Busy time of the background threads, by what they do. */
  readonly backgroundSeconds: Readonly<Record<'decode' | 'augment' | 'backbone', number>>;
  /** Applied rounds by kind. */
  readonly rounds: Readonly<Record<'step' | 'evaluate' | 'phase', number>>;
  /** Training samples of the worker's own shards. */
  readonly samples: number;
  readonly rowsComputed: number;
  readonly rowsCached: number;
  readonly imagesDecoded: number;
  readonly imagesCached: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Where the worker stands; null where it is not a member yet. */
  readonly rank: number | null;
  readonly round: number;
  readonly epoch: number;
  readonly generation: { readonly term: number; readonly number: number } | null;
  readonly process: ProcessReadings;
}

/** Listed in docs/metrics.md. */
export const workerMetrics: readonly MetricDefinition<WorkerReadings>[] = [
  {
    name: 'ftctl_worker_loop_seconds_total',
    type: 'counter',
    help: 'What the step loop was doing or waiting for; the buckets sum to the wall clock.',
    labels: ['bucket'],
    read: (r) => byLabel('bucket', r.loopSeconds),
  },
  {
    name: 'ftctl_worker_background_seconds_total',
    type: 'counter',
    help: 'Busy time of background threads, all of one task together; it overlaps the step loop.',
    labels: ['task'],
    read: (r) => byLabel('task', r.backgroundSeconds),
  },
  {
    name: 'ftctl_worker_rounds_total',
    type: 'counter',
    help: 'Applied rounds.',
    labels: ['kind'],
    read: (r) => byLabel('kind', r.rounds),
  },
  {
    name: 'ftctl_worker_samples_total',
    type: 'counter',
    help: "Training samples of this worker's own shards that went into applied steps.",
    read: (r) => r.samples,
  },
  {
    name: 'ftctl_worker_feature_rows_total',
    type: 'counter',
    help: 'Feature rows, by whether the backbone computed them or the cache had them.',
    labels: ['source'],
    read: (r) => byLabel('source', { computed: r.rowsComputed, cached: r.rowsCached }),
  },
  {
    name: 'ftctl_worker_images_total',
    type: 'counter',
    help: 'Images that were needed, by whether their file was decoded or the cache had them.',
    labels: ['source'],
    read: (r) => byLabel('source', { decoded: r.imagesDecoded, cached: r.imagesCached }),
  },
  {
    name: 'ftctl_worker_sent_bytes_total',
    type: 'counter',
    help: 'Payload that was sent to other workers.',
    read: (r) => r.bytesSent,
  },
  {
    name: 'ftctl_worker_received_bytes_total',
    type: 'counter',
    help: 'Payload that came from other workers.',
    read: (r) => r.bytesReceived,
  },
  {
    name: 'ftctl_worker_rank',
    type: 'gauge',
    help: 'Position in the current generation; absent while the worker is no member.',
    read: (r) => r.rank,
  },
  {
    name: 'ftctl_worker_round',
    type: 'gauge',
    help: 'Rounds that this worker has applied or taken over, from the start of the run.',
    read: (r) => r.round,
  },
  {
    name: 'ftctl_worker_epoch',
    type: 'gauge',
    help: 'Epoch of the last round, from 0 over the whole run.',
    read: (r) => r.epoch,
  },
  {
    name: 'ftctl_worker_generation_term',
    type: 'gauge',
    help: 'Term of the generation that the worker is a member of.',
    read: (r) => r.generation?.term ?? null,
  },
  {
    name: 'ftctl_worker_generation_number',
    type: 'gauge',
    help: 'Number of the generation that the worker is a member of.',
    read: (r) => r.generation?.number ?? null,
  },
  ...processMetrics,
];

/** What the worker in `slot` of `run` shows at `/metrics`; `read` is called once for each scrape. */
export function exposeWorker(options: {
  run: string;
  slot: number;
  read: () => WorkerReadings;
}): Exposition {
  const labels = { run: options.run, role: 'worker', slot: String(options.slot) };
  return makeExposition({ definitions: workerMetrics, labels, read: options.read });
}
