import type { FeatureCounters } from '../features/feature-source.js';
import type { BlockMonitor } from '../metrics/block-monitor.js';
import type { BucketClock } from '../metrics/bucket-clock.js';
import { readProcess } from '../metrics/process-metrics.js';
import type { WorkerReadings } from '../metrics/worker-metrics.js';
import type { LocalReport } from '../rpc/control-messages.js';
import type { GenerationId } from '../rpc/generation.js';
import type { RoundOutcome } from '../train/trainer.js';

const noFeatures: FeatureCounters = {
  ...{ rowsCached: 0, rowsComputed: 0, imagesDecoded: 0, imagesCached: 0 },
  ...{ decodeSeconds: 0, augmentSeconds: 0, backboneSeconds: 0 },
};

/** What one worker counts, for its reports to the coordinator and for `/metrics`. */
export class WorkerTelemetry {
  readonly #buckets: BucketClock;
  readonly #blocks: BlockMonitor;
  readonly #startSeconds: number;
  readonly #bytes: () => { readonly sent: number; readonly received: number };
  #features: () => FeatureCounters = () => noFeatures;
  #rounds = { step: 0, evaluate: 0, phase: 0 };
  #samples = 0;
  #place: Pick<WorkerReadings, 'rank' | 'round' | 'epoch' | 'generation'> = {
    ...{ rank: null, round: 0, epoch: 0, generation: null },
  };

  constructor(options: {
    buckets: BucketClock;
    blocks: BlockMonitor;
    /** Unix time. */
    startSeconds: number;
    bytes: () => { readonly sent: number; readonly received: number };
  }) {
    this.#buckets = options.buckets;
    this.#blocks = options.blocks;
    this.#startSeconds = options.startSeconds;
    this.#bytes = options.bytes;
  }

  /** Everything is loaded: there are features to count, and blocks of the loop count from here on. */
  trainingStarts(features: () => FeatureCounters): void {
    this.#features = features;
    this.#blocks.restart();
  }

  /** A round was applied, with `samples` training samples of the own shards in it. */
  applied(outcome: RoundOutcome, samples: number): void {
    const { kind, round, epoch } = outcome.plan;
    this.#rounds[kind] += 1;
    this.#samples += samples;
    this.#place = { ...this.#place, round, epoch };
  }

  /** The worker is a member of a generation. */
  joined(rank: number, generation: GenerationId): void {
    this.#place = { ...this.#place, rank, generation };
  }

  /** Since the last call: seconds and the longest block; totals else. */
  takeReport(): LocalReport {
    const { rowsComputed, rowsCached } = this.#features();
    return {
      seconds: this.#buckets.takeSince(),
      ...{ rowsComputed, rowsCached, samples: this.#samples },
      bytesSent: this.#bytes().sent,
      longestBlockMs: this.#blocks.takeLongestMs(),
    };
  }

  readings(): WorkerReadings {
    const features = this.#features();
    const { rowsCached, rowsComputed, imagesDecoded, imagesCached } = features;
    const { sent, received } = this.#bytes();
    return {
      loopSeconds: this.#buckets.seconds(),
      backgroundSeconds: {
        decode: features.decodeSeconds,
        augment: features.augmentSeconds,
        backbone: features.backboneSeconds,
      },
      rounds: this.#rounds,
      samples: this.#samples,
      ...{ rowsComputed, rowsCached, imagesDecoded, imagesCached },
      ...{ bytesSent: sent, bytesReceived: received },
      ...this.#place,
      process: readProcess(this.#blocks, this.#startSeconds),
    };
  }
}
