import type { RoundOutcome, Trainer } from '../train/trainer.js';
import { countOf } from '../train/vectors.js';

/** The same trainer, which tells of each applied round and how many samples of the own shards were trained on. */
export function countedTrainer(
  trainer: Trainer,
  applied: (outcome: RoundOutcome, ownSamples: number) => void,
): Trainer {
  let ownSamples = 0;
  return {
    get round() {
      return trainer.round;
    },
    get ledger() {
      return trainer.ledger;
    },
    get finished() {
      return trainer.finished;
    },
    get epoch() {
      return trainer.epoch;
    },
    next: () => trainer.next(),
    compute: async (plan, shards, signal) => {
      const partials = await trainer.compute(plan, shards, signal);
      ownSamples = plan.kind === 'step' ? countOf(partials) : 0;
      return partials;
    },
    apply: async (plan, reduced) => {
      const outcome = await trainer.apply(plan, reduced);
      applied(outcome, ownSamples);
      return outcome;
    },
    stateRef: () => trainer.stateRef(),
    snapshot: () => trainer.snapshot(),
    restore: (snapshot) => trainer.restore(snapshot),
  };
}
