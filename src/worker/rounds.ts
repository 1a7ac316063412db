import type { Timeline } from '../metrics/timeline.js';
import type { RoundOutcome, ShardRange, Trainer } from '../train/trainer.js';
import type { Exchange } from './exchange.js';

export interface RoundsOptions {
  readonly trainer: Trainer;
  readonly exchange: Exchange;
  readonly shards: ShardRange;
  readonly timeline: Timeline;
  /** Aborted to make the loop leave. */
  readonly signal: AbortSignal;
  /** Reports the round and keeps the states that are due. */
  readonly applied: (outcome: RoundOutcome) => Promise<void>;
  /** Lets timers and messages in: with one worker and everything cached, no await would. */
  readonly breathe: () => Promise<void>;
}

/**
 * Applies one round after the other until the run is finished. Each is applied whole or not at all: whatever goes
 * wrong before `apply` leaves the state as it was. An update that has begun is ended and reported before the loop leaves.
 * Rejects with the signal's reason, or with what went wrong.
 */
export async function runRounds(options: RoundsOptions): Promise<void> {
  const { trainer, exchange, shards, timeline, signal } = options;
  while (!trainer.finished) {
    signal.throwIfAborted();
    const plan = trainer.next();
    const partials = await trainer.compute(plan, shards, signal);
    signal.throwIfAborted();

    timeline.enter('communicate');
    const sum = exchange.reduce(plan.round, partials, plan.vectorLength, signal);
    timeline.enter('wait');
    const reduced = await sum;
    signal.throwIfAborted();

    const outcome = await trainer.apply(plan, reduced);
    timeline.enter('checkpoint');
    await options.applied(outcome);
    timeline.enter('idle');
    await options.breathe();
  }
}
