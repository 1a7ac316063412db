import type { Partial } from '../../../src/collective/messages.js';
import { sumOwned } from '../../../src/collective/tree.js';
import type { NarratorOptions } from '../../../src/coordinator/run-narrator.js';
import type { Timeline } from '../../../src/metrics/timeline.js';
import type { StateRef } from '../../../src/rpc/control-messages.js';
import type {
  RoundOutcome,
  RoundPlan,
  ShardRange,
  Snapshot,
  Trainer,
} from '../../../src/train/trainer.js';
import { fnv } from './random.js';

/** The rounds of a simulated run: epochs of steps with an evaluation each, and a test at the end. */
export interface Shape {
  readonly epochs: number;
  readonly steps: number;
  readonly numShards: number;
  readonly vectorLength: number;
}

/** What the coordinator's narrator knows of the run. */
export function narrated({ epochs, steps }: Shape): NarratorOptions {
  const phase = { train: ['head'], from: 'last', epochs, earlyStopping: null } as const;
  return { phases: [phase], steps: [steps], history: [], bestEpoch: null };
}

export function numRounds({ epochs, steps }: Shape): number {
  return epochs * (steps + 1) + 1;
}

export function planOf(shape: Shape, round: number): RoundPlan {
  const { epochs, steps, vectorLength } = shape;
  const epoch = Math.min(Math.floor((round - 1) / (steps + 1)), epochs - 1);
  const common = { round, phase: 0, epoch, vectorLength };
  if (round === numRounds(shape)) return { kind: 'evaluate', split: 'test', ...common };
  const step = (round - 1) % (steps + 1);
  return step === steps
    ? { kind: 'evaluate', split: 'val', ...common }
    : { kind: 'step', step, ...common };
}

/**
 * A shard's vector: a pure function of (round, shard), of values whose float32 sum depends on the order of adding:
 * exponents from 2^-8 to 2^8, both signs, and some negative zeros.
 */
export function shardVector(round: number, shard: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => {
    const bits = fnv(`${round} ${shard} ${i}`);
    if (bits % 17 === 0) return -0;
    return (((bits >>> 4) % 2001) / 1000 - 1) * 2 ** (((bits >>> 16) % 17) - 8);
  });
}

/** The sum by the definition of the tree, written anew: recursive halving of the next power of two. */
export function trueSum(round: number, { numShards, vectorLength }: Shape): Float32Array {
  let width = 1;
  while (width < numShards) width *= 2;
  const sum = (first: number, size: number): Float32Array | undefined => {
    if (first >= numShards) return undefined;
    if (size === 1) return shardVector(round, first, vectorLength);
    const left = sum(first, size / 2)!;
    const right = sum(first + size / 2, size / 2);
    return right === undefined ? left : left.map((value, i) => Math.fround(value + right[i]!));
  };
  return sum(0, width)!;
}

/** States after 0, 1, ... rounds. */
export function trueStates(shape: Shape): string[] {
  const states = [firstState];
  for (let round = 1; round <= numRounds(shape); round++) {
    states.push(nextState(states[round - 1]!, trueSum(round, shape)));
  }
  return states;
}

const firstState = fnv('initial').toString(16);

function nextState(state: string, sum: Float32Array): string {
  return fnv(bitsOf(sum), fnv(state)).toString(16);
}

export function bitsOf(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');
}

export interface FakeTrainerOptions {
  readonly shape: Shape;
  readonly timeline: Timeline;
  /** Resolves after the time that the work takes; rejects when the signal aborts. */
  readonly work: (round: number, signal: AbortSignal) => Promise<void>;
  /** Resolves after the time that moving or copying the state takes. */
  readonly move: () => Promise<void>;
  /** Sees each sum before it is applied, and may change it: a broken memory. */
  readonly applying: (round: number, sum: Float32Array) => Float32Array;
  readonly applied: (round: number, state: string) => void;
  readonly restored: (round: number) => void;
}

/** A trainer without a model: its state is the hash of all sums. */
export class FakeTrainer implements Trainer {
  readonly #options: FakeTrainerOptions;
  round = 0;
  #state = firstState;
  #best = Number.NEGATIVE_INFINITY;

  constructor(options: FakeTrainerOptions) {
    this.#options = options;
  }

  get ledger(): string {
    return this.#state;
  }

  get finished(): boolean {
    return this.round === numRounds(this.#options.shape);
  }

  get epoch(): number {
    return this.round === 0 ? 0 : planOf(this.#options.shape, this.round).epoch;
  }

  next(): RoundPlan {
    if (this.finished) throw new RangeError('The run is finished.');
    return planOf(this.#options.shape, this.round + 1);
  }

  async compute(plan: RoundPlan, shards: ShardRange, signal: AbortSignal): Promise<Partial[]> {
    this.#options.timeline.enter(plan.kind === 'evaluate' ? 'evaluate' : 'gradients');
    await this.#options.work(plan.round, signal);
    const vectors = Array.from({ length: shards.numShards }, (_, i) =>
      shardVector(plan.round, shards.firstShard + i, plan.vectorLength),
    );
    return sumOwned(shards.firstShard, vectors, this.#options.shape.numShards);
  }

  async apply(plan: RoundPlan, reduced: Float32Array): Promise<RoundOutcome> {
    this.#options.timeline.enter('update');
    await this.#options.move();
    if (plan.round !== this.round + 1) throw new RangeError(`Round ${plan.round} is not next.`);
    const sum = this.#options.applying(plan.round, reduced);
    this.#state = nextState(this.#state, sum);
    this.round = plan.round;
    this.#options.applied(plan.round, this.#state);
    const isVal = plan.kind === 'evaluate' && plan.split === 'val';
    const isBest = isVal && sum[0]! > this.#best;
    if (isBest) this.#best = sum[0]!;
    return {
      plan,
      split: plan.kind === 'evaluate' ? plan.split : 'train',
      samples: 4,
      loss: sum[0]!,
      accuracy: 0.5,
      learningRate: 0.1,
      epochTraining: isVal ? { loss: 1, accuracy: 0.5 } : null,
      checkpointDue: isVal,
      isBest,
      finished: this.finished,
    };
  }

  stateRef(): Promise<StateRef> {
    return Promise.resolve(this.#ref());
  }

  async snapshot(): Promise<Snapshot> {
    const bytes = Buffer.from(JSON.stringify({ ...this.#ref(), best: this.#best }));
    const ref = this.#ref();
    await this.#options.move();
    return { ...ref, bytes };
  }

  async restore({ bytes }: Snapshot): Promise<void> {
    await this.#options.move();
    const state = JSON.parse(Buffer.from(bytes).toString()) as StateRef & { best: number | null };
    this.round = state.round;
    this.#state = state.hash;
    this.#best = state.best ?? Number.NEGATIVE_INFINITY;
    this.#options.restored(state.round);
  }

  #ref(): StateRef {
    return { round: this.round, hash: this.#state };
  }
}
