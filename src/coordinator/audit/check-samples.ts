import type { Manifest, SplitName } from '../../data/manifest.js';
import { batchesOf, updatesPerEpoch } from '../../train/round-plan.js';
import { type LifePlan, scheduleOf } from './check-order.js';
import type { Finding } from './finding.js';
import type { PlacedRound } from './lives.js';

/**
 * What an epoch's samples must be. `once`: each training sample once; `limited` (`training.limitBatches`): as many as fit, none twice;
 * `weighted` (`sampling: weighted`): as many as the plan draws, a sample as often as it is drawn; `overfit` (`training.overfitBatch`): the
 * first batch, at each step.
 */
export type TrainingRule = 'once' | 'limited' | 'weighted' | 'overfit';

/** What was proved of the samples of a run. */
export interface SampleProof {
  /** Epochs with all of their steps, by the rule that they were held to. */
  readonly epochs: { readonly [Rule in TrainingRule]?: number };
  /** Epochs that the run ended in the middle of. */
  readonly partialEpochs: number;
  /** Of the manifest, and how many of them an epoch uses. */
  readonly train: { readonly all: number; readonly used: number };
  readonly evaluations: readonly {
    readonly split: 'val' | 'test';
    readonly times: number;
    /** Of the manifest, and how many of them each evaluation counts, each once. */
    readonly all: number;
    readonly used: number;
  }[];
}

/**
 * Lists the samples of every step of the run and of its evaluations, and counts them. The rounds are those of the run as it went on: what
 * was done again is there once. Pure.
 */
export function checkSamples(
  timeline: readonly PlacedRound[],
  from: LifePlan,
  manifest: Manifest,
): { readonly proof: SampleProof; readonly findings: readonly Finding[] } {
  const counter = new Counter(from, manifest);
  const epochs: { [Rule in TrainingRule]?: number } = {};
  let partialEpochs = 0;
  for (const steps of stepsByEpoch(timeline)) {
    const isWhole = counter.epoch(steps);
    const rule = counter.rule(steps[0]!.entry.phase);
    if (isWhole) epochs[rule] = (epochs[rule] ?? 0) + 1;
    else partialEpochs += 1;
  }
  const evaluations = (['val', 'test'] as const).flatMap((split) => {
    const rounds = timeline.filter(
      ({ entry }) => entry.kind === 'evaluate' && entry.split === split,
    );
    if (rounds.length === 0) return [];
    return [{ split, times: rounds.length, ...counter.evaluation(split, rounds[0]!.line) }];
  });
  const train = { all: counter.numOf('train'), used: from.plan.splitSize('train') };
  return { proof: { epochs, partialEpochs, train, evaluations }, findings: counter.findings };
}

function stepsByEpoch(timeline: readonly PlacedRound[]): PlacedRound[][] {
  const epochs = new Map<number, PlacedRound[]>();
  for (const placed of timeline) {
    if (placed.entry.kind !== 'step') continue;
    const steps = epochs.get(placed.entry.epoch);
    if (steps === undefined) epochs.set(placed.entry.epoch, [placed]);
    else steps.push(placed);
  }
  return [...epochs.values()];
}

class Counter {
  readonly findings: Finding[] = [];
  readonly #from: LifePlan;
  readonly #manifest: Manifest;
  readonly #numOf: Record<SplitName, number> = { train: 0, val: 0, test: 0 };

  constructor(from: LifePlan, manifest: Manifest) {
    this.#from = from;
    this.#manifest = manifest;
    for (const { split } of manifest.samples) this.#numOf[split] += 1;
  }

  numOf(split: SplitName): number {
    return this.#numOf[split];
  }

  rule(phase: number): TrainingRule {
    const { training, phases } = this.#from.spec;
    if (training.overfitBatch) return 'overfit';
    if (phases[phase]!.sampling === 'weighted') return 'weighted';
    return this.#from.plan.splitSize('train') < this.#numOf.train ? 'limited' : 'once';
  }

  /** Whether the epoch has all of its steps. */
  epoch(steps: readonly PlacedRound[]): boolean {
    const { spec, plan, lastEpochs } = this.#from;
    const schedule = scheduleOf(this.#from, Math.max(...lastEpochs));
    const { epoch, phase } = steps[0]!.entry;
    const { sampling } = spec.phases[phase]!;
    const times = new Int32Array(this.#manifest.samples.length);
    let used = 0;
    for (const { entry } of steps) {
      const { first, end } = batchesOf(schedule, entry);
      for (let batch = first; batch < end; batch += 1) {
        for (let shard = 0; shard < plan.numShards; shard += 1) {
          for (const sample of plan.trainMicrobatch(epoch, batch, shard, sampling).samples) {
            times[sample]! += 1;
            used += 1;
          }
        }
      }
    }
    const isWhole = steps.length === updatesPerEpoch(schedule, phase);
    this.#checkEpoch(steps, { isWhole, times, used });
    return isWhole;
  }

  #checkEpoch(
    steps: readonly PlacedRound[],
    counted: { readonly isWhole: boolean; readonly times: Int32Array; readonly used: number },
  ): void {
    const { isWhole, times, used } = counted;
    const { line, entry } = steps.at(-1)!;
    const epoch = entry.epoch + 1;
    const rule = this.rule(entry.phase);
    const written = steps.reduce((sum, step) => sum + step.entry.samples, 0);
    if (written !== used) {
      this.#find(line, `Epoch ${epoch} used ${written} samples; by the plan it has ${used}.`);
    }
    for (const [sample, { split, id }] of this.#manifest.samples.entries()) {
      const count = times[sample]!;
      if (split !== 'train' && count > 0) {
        this.#find(line, `Epoch ${epoch} trains on ${id}, which is of ${split}.`);
        return;
      }
      const isWrong = count > 1 || (count === 0 && rule === 'once' && isWhole && split === 'train');
      if (isWrong && (rule === 'once' || rule === 'limited')) {
        this.#find(line, `Epoch ${epoch} uses ${id} ${count} times.`);
        return;
      }
    }
  }

  /** How many samples the plan's evaluation of the split counts. */
  evaluation(split: 'val' | 'test', line: number): { all: number; used: number } {
    const { plan, spec } = this.#from;
    const times = new Int32Array(this.#manifest.samples.length);
    let used = 0;
    for (let shard = 0; shard < plan.numShards; shard += 1) {
      for (const sample of plan.evaluationSamples(split, shard)) {
        times[sample]! += 1;
        used += 1;
      }
    }
    const isLimited = spec.training.limitBatches !== null;
    for (const [sample, { split: own, id }] of this.#manifest.samples.entries()) {
      const count = times[sample]!;
      if (own === split ? count <= 1 && (count === 1 || isLimited) : count === 0) continue;
      this.#find(line, `Evaluations on ${split} count ${id}, which is of ${own}, ${count} times.`);
      break;
    }
    return { all: this.#numOf[split], used };
  }

  #find(line: number, what: string): void {
    this.findings.push({ check: 'samples', line, what });
  }
}
