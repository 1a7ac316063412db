import { compileLimits } from '../../../src/coordinator/limits.js';
import { decide, initialMembership } from '../../../src/coordinator/membership.js';
import type {
  MembershipDecision,
  MembershipEffect,
  MembershipEvent,
  MembershipOptions,
  MembershipState,
} from '../../../src/coordinator/membership-state.js';
import type { RoundReport, StateRef, WorkerMessage } from '../../../src/rpc/control-messages.js';

export const options: MembershipOptions = {
  term: 3,
  count: 3,
  numShards: 8,
  twoHopFromElements: 1000,
  bundle: 'bundle',
  resume: null,
  earlierLedger: new Map(),
  limits: compileLimits(10_000),
};

export const start: StateRef = { round: 0, hash: 'start' };

export function reportOf(round: number, change: Partial<RoundReport> = {}): RoundReport {
  return {
    generation: { term: 3, number: 1 },
    ...{ round, kind: 'step', phase: 0, epoch: 0, step: round - 1, ledger: `ledger ${round}` },
    ...{ split: 'train', samples: 32, loss: 1, accuracy: 0.5, learningRate: 0.1 },
    epochTraining: null,
    local: {
      ...{ seconds: {}, rowsComputed: 0, rowsCached: 0, samples: 0, bytesSent: 0 },
      longestBlockMs: 0,
    },
    ...change,
  };
}

/** Drives the decisions by hand, at a time of its own. */
export class Drive {
  nowMs = 1000;
  state: MembershipState;
  readonly options: MembershipOptions;
  last: MembershipDecision | undefined;

  constructor(change: Partial<MembershipOptions> = {}) {
    this.options = { ...options, ...change };
    this.state = initialMembership(this.nowMs, this.options);
  }

  on(event: MembershipEvent): readonly MembershipEffect[] {
    this.last = decide(this.nowMs, this.state, event, this.options);
    this.state = this.last.state;
    return this.last.effects;
  }

  /** Ticks through `ms`, as often as the coordinator does; with heartbeats of `alive` before each tick. */
  pass(ms: number, alive: readonly number[]): readonly MembershipEffect[] {
    const effects: MembershipEffect[] = [];
    for (let left = ms; left > 0; left -= this.options.limits.tickMs) {
      this.nowMs += Math.min(left, this.options.limits.tickMs);
      for (const slot of alive) {
        const { stage, round } = this.state.workers.get(`w${slot}`)!;
        this.say(slot, { type: 'stage', stage, round });
      }
      effects.push(...this.on({ type: 'tick' }));
    }
    return effects;
  }

  say(slot: number, message: WorkerMessage): readonly MembershipEffect[] {
    return this.on({ type: 'message', from: `w${slot}`, message });
  }

  hello(slot: number, change: object = {}): readonly MembershipEffect[] {
    const incarnation = `w${slot}`;
    return this.say(slot, {
      type: 'hello',
      ...{ incarnation, slot, pid: 100 + slot, host: 'box', address: `box:${slot}` },
      ...{ metricsAddress: '', fingerprint: '{"engine":"1.30"}', probe: 'p' },
      ...change,
    });
  }

  /** All workers are ready; the first generation is being prepared. */
  gather(): readonly MembershipEffect[] {
    // Last slot first: the order of arrival must not matter.
    for (let slot = this.options.count - 1; slot >= 0; slot--) this.hello(slot);
    let effects: readonly MembershipEffect[] = [];
    for (let slot = 0; slot < this.options.count; slot++) {
      effects = this.say(slot, { type: 'ready', state: start });
    }
    return effects;
  }

  promise(slot: number, state: StateRef = start, number = 1): readonly MembershipEffect[] {
    const generation = { term: this.options.term, number };
    return this.say(slot, { type: 'prepared', generation, state });
  }

  /** Rounds are being run. */
  run(): void {
    this.gather();
    for (let slot = 0; slot < this.options.count; slot++) this.promise(slot);
    this.on({ type: 'recorded', generation: { term: this.options.term, number: 1 } });
  }

  /** Promises of what is being prepared; here, of the state that the run began with. */
  promiseAll(slots: readonly number[], state: StateRef = start): readonly MembershipEffect[] {
    return slots.flatMap((slot) => this.promise(slot, state, this.state.lastNumber));
  }

  round(
    slot: number,
    round: number,
    change: Partial<RoundReport> = {},
  ): readonly MembershipEffect[] {
    return this.say(slot, { type: 'round', report: reportOf(round, change) });
  }
}

/** Workers that were given up, with the cause that people are told. */
export function givenUp(effects: readonly MembershipEffect[]): { slot: number; cause: string }[] {
  return effects.flatMap((effect) =>
    effect.type === 'worker-lost' ? [{ slot: effect.slot, cause: effect.cause }] : [],
  );
}

/** The error of the run's end, if it failed. */
export function failure(effects: readonly MembershipEffect[]): object | undefined {
  const end = effects.find((effect) => effect.type === 'end')?.end;
  return end?.status === 'failed' ? end.error : undefined;
}

/** `to: type` of each message sent. */
export function sent(effects: readonly MembershipEffect[]): string[] {
  return effects.flatMap((effect) =>
    effect.type === 'send' ? [`${effect.to}: ${effect.message.type}`] : [],
  );
}
