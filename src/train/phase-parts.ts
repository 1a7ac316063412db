import type { PhaseEngine } from '../engines/phase-engine.js';
import type { FeatureRequest, FeatureSource } from '../features/feature-source.js';
import { abortable } from './abortable.js';
import { FeatureQueue } from './feature-queue.js';
import type { ShardRange } from './trainer.js';

/** What the rounds of one phase are computed with. */
export interface PhaseParts {
  readonly engine: PhaseEngine;
  readonly features: FeatureSource;
}

/** Opens the parts of a phase and closes those of the one before. They stay the opener's to close. Calls come one after the other. */
export type OpenPhase = (phase: number) => Promise<PhaseParts>;

/** The rows that a round wants of a phase's features; undefined: the phase ends before it. */
type RequestsOf = (
  phase: number,
  round: number,
  shards: ShardRange,
) => readonly FeatureRequest[] | undefined;

/** Runs what was opened once, of the shape that the shards' steps have. */
type WarmUp = (engine: PhaseEngine, phase: number, shards: ShardRange) => Promise<void>;

interface Current {
  readonly phase: number;
  /** Goes on where a round that waits for it is given up: the next round wants the same. */
  readonly parts: Promise<PhaseParts>;
  queue: { readonly shards: ShardRange; readonly features: FeatureQueue } | undefined;
}

export interface OpenedPhasesOptions {
  readonly open: OpenPhase;
  readonly warmUp: WarmUp;
  readonly requestsOf: RequestsOf;
}

/**
 * The open phase, and what was asked for ahead of its rounds. A phase is opened, and warmed up, where it is first asked for: the one that
 * a worker starts in before it is a member, a later one in the round that switches to it.
 */
export class OpenedPhases {
  readonly #options: OpenedPhasesOptions;
  #current: Current | undefined;

  constructor(options: OpenedPhasesOptions) {
    this.#options = options;
  }

  async engine(phase: number, shards: ShardRange, signal: AbortSignal): Promise<PhaseEngine> {
    return (await abortable(this.#at(phase, shards).parts, signal)).engine;
  }

  /** Kept while the shards stay; other shards need other rows. */
  async queue(phase: number, shards: ShardRange, signal: AbortSignal): Promise<FeatureQueue> {
    const current = this.#at(phase, shards);
    const { features } = await abortable(current.parts, signal);
    const { queue } = current;
    if (
      queue?.shards.firstShard === shards.firstShard &&
      queue.shards.numShards === shards.numShards
    ) {
      return queue.features;
    }
    queue?.features.discard();
    const made = new FeatureQueue(features, (round) =>
      this.#options.requestsOf(phase, round, shards),
    );
    current.queue = { shards, features: made };
    return made;
  }

  /** What was asked for ahead is not what comes next. */
  discard(): void {
    this.#current?.queue?.features.discard();
    if (this.#current !== undefined) this.#current.queue = undefined;
  }

  /** `shards`: whose steps a phase is warmed up for; it serves those of other shards too. */
  #at(phase: number, shards: ShardRange): Current {
    const before = this.#current;
    if (before?.phase === phase) return before;
    this.discard();
    const open = async (): Promise<PhaseParts> => {
      const parts = await this.#options.open(phase);
      await this.#options.warmUp(parts.engine, phase, shards);
      return parts;
    };
    const parts = before === undefined ? open() : before.parts.then(open, open);
    const current: Current = { phase, parts, queue: undefined };
    this.#current = current;
    // What could not be opened is tried again by the next round that wants it.
    parts.catch(() => {
      if (this.#current === current) this.#current = undefined;
    });
    return current;
  }
}
