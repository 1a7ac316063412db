import type { PhaseSpec } from '../config/phase-spec.js';
import type { RunEventBody } from '../control/events.js';
import type { EvaluationRecord } from '../state/training-state.js';
import { epochsOf } from '../train/round-plan.js';

type Evaluation = Pick<EvaluationRecord, 'phase' | 'epoch' | 'valLoss' | 'valAccuracy'>;

/** What a run's phases are, and where the state has got to that it starts or goes on from. */
export interface PhaseStoryOptions {
  readonly phases: readonly Pick<PhaseSpec, 'train' | 'from' | 'epochs' | 'earlyStopping'>[];
  readonly history: readonly Evaluation[];
  /** null: there is none yet. */
  readonly bestEpoch: number | null;
}

/** Follows the evaluations as the workers do, so that it knows what they decide from them: when a phase ends, where one begins. */
export class PhaseStory {
  readonly #phases: PhaseStoryOptions['phases'];
  readonly #history: Evaluation[];
  #bestEpoch: number;

  constructor({ phases, history, bestEpoch }: PhaseStoryOptions) {
    this.#phases = phases;
    this.#history = [...history];
    this.#bestEpoch = bestEpoch ?? 0; // Until the first evaluation, which is before any later phase.
  }

  /** Epochs of the whole run, unless a phase stops early that has not done so yet. */
  get epochs(): number {
    return this.#phases.reduce((sum, _, phase) => sum + this.#epochsOf(phase), 0);
  }

  /** An epoch was evaluated. Tells of the phase's end where that stops it early. */
  evaluated(evaluation: Evaluation, isBest: boolean): RunEventBody[] {
    const { phase, epoch } = evaluation;
    this.#history.push(evaluation);
    if (isBest) this.#bestEpoch = epoch;
    const { epochs: of, earlyStopping } = this.#phases[phase]!;
    const epochs = this.#epochsOf(phase);
    if (earlyStopping === null || epochs === of) return [];
    const { metric, patience } = earlyStopping;
    const phases = this.#phases.length;
    return [{ type: 'phase-stopped', ...{ phase, phases, epochs, of, metric, patience } }];
  }

  /** The round that switches to `phase`, before the epoch `epoch`, was applied. */
  switched(phase: number, epoch: number): RunEventBody {
    const { train, from } = this.#phases[phase]!;
    const fromEpoch = from === 'best' ? this.#bestEpoch : epoch - 1;
    return { type: 'phase', phase, phases: this.#phases.length, ...{ train, from, fromEpoch } };
  }

  #epochsOf(phase: number): number {
    return epochsOf({ phases: this.#phases }, this.#history, phase);
  }
}
