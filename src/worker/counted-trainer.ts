import type { Plan } from '../data/plan.js';
import type { RoundOutcome, RoundPlan, ShardRange, Trainer } from '../train/trainer.js';

/** The same trainer, which tells of each applied round and how many samples of the own shards were trained on. */
export function countedTrainer(
  trainer: Trainer,
  plan: Plan,
  applied: (outcome: RoundOutcome, ownSamples: number) => void,
): Trainer {
  let shards: ShardRange = { firstShard: 0, numShards: 0 };
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
    next: () => trainer.next(),
    compute: (round, owned, signal) => {
      shards = owned;
      return trainer.compute(round, owned, signal);
    },
    apply: (round, reduced) => {
      const outcome = trainer.apply(round, reduced);
      applied(outcome, ownSamples(plan, round, shards));
      return outcome;
    },
    stateRef: () => trainer.stateRef(),
    snapshot: () => trainer.snapshot(),
    restore: (snapshot) => {
      trainer.restore(snapshot);
    },
  };
}

function ownSamples(plan: Plan, round: RoundPlan, { firstShard, numShards }: ShardRange): number {
  if (round.kind !== 'step') return 0;
  let samples = 0;
  for (let shard = firstShard; shard < firstShard + numShards; shard++) {
    samples += plan.trainMicrobatch(round.epoch, round.step, shard).samples.length;
  }
  return samples;
}
