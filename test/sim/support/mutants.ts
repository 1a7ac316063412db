import type { Partial, PeerMessage } from '../../../src/collective/messages.js';
import { type ReducerOptions, RoundReducer } from '../../../src/collective/reducer.js';
import { decide as decideMembership } from '../../../src/coordinator/membership.js';
import type { MembershipEffect } from '../../../src/coordinator/membership-state.js';
import type { Reducer } from '../../../src/worker/exchange.js';
import { decide as decideSession } from '../../../src/worker/session-core.js';
import type { Fault } from './faults.js';
import type { SimulationOptions } from './history.js';

/** A planted bug, and the faults under which it does harm. */
export interface Mutant {
  readonly name: string;
  readonly faults: readonly Fault[];
  readonly bug: Pick<SimulationOptions, 'decideMembership' | 'session'>;
}

type Membership = typeof decideMembership;
type MakeReducer = (o: ReducerOptions) => Reducer;

/** The real reducer, with some of its methods replaced. */
function reducerWith(change: (real: RoundReducer, o: Parameters<MakeReducer>[0]) => object): {
  session: { makeReducer: MakeReducer };
} {
  const makeReducer: MakeReducer = (o) => {
    const real = new RoundReducer(o);
    const whole: Reducer = {
      offer: (round, partials, length) => real.offer(round, partials, length),
      receive: (message) => real.receive(message),
      advance: () => real.advance(),
      hasMore: () => real.hasMore(),
      result: (round) => real.result(round),
      takeNewer: () => real.takeNewer(),
    };
    return { ...whole, ...change(real, o) };
  };
  return { session: { makeReducer } };
}

function membership(decide: Membership): { decideMembership: Membership } {
  return { decideMembership: decide };
}

/** Partials by worker and round: what was computed for other shards is offered again. */
function keptGradients(): { session: { makeReducer: MakeReducer } } {
  const kept = new Map<string, readonly Partial[]>();
  return reducerWith((real, { self }) => ({
    offer: (round: number, partials: readonly Partial[], length: number) => {
      const key = `${self} ${round}`;
      const known = kept.get(key);
      if (known?.length !== partials.length) {
        kept.set(
          key,
          partials.map(({ node, values }) => ({ node, values: values.slice() })),
        );
        return real.offer(round, partials, length);
      }
      const old = partials.map(({ node }, i) => ({ node, values: known[i]!.values }));
      return real.offer(round, old, length);
    },
  }));
}

const nowhere = { round: 0, hash: '' };

const nothing = (state: Parameters<Membership>[1]): ReturnType<Membership> => ({
  state,
  effects: [],
  outcome: 'ignored',
  reason: 'a planted bug',
});

const kill: Fault = { type: 'kill', who: 1, at: { ms: 90 } };
const breakLink: Fault = { type: 'break-link', between: [0, 1], at: { ms: 90 } };

export const mutants: readonly Mutant[] = [
  {
    name: 'a worker runs rounds on its promise, before the commit',
    faults: [],
    bug: {
      session: {
        decide: (state, event) => {
          const decision = decideSession(state, event);
          const { life } = decision.state;
          if (event.type !== 'streams-open' || life.name !== 'promised') return decision;
          const { generation } = life;
          return {
            ...decision,
            state: { ...decision.state, life: { name: 'running', generation } },
            effects: [...decision.effects, { type: 'run-rounds', generation }],
          };
        },
      },
    },
  },
  {
    name: 'messages of the next round are dropped',
    faults: [],
    bug: reducerWith((real) => {
      let current = 0;
      return {
        offer: (round: number, partials: readonly Partial[], length: number) => {
          current = round;
          return real.offer(round, partials, length);
        },
        receive: (message: PeerMessage) =>
          message.round > current
            ? { outcome: 'held', reason: 'a planted bug', outgoing: [] }
            : real.receive(message),
      };
    }),
  },
  {
    name: 'messages of an old generation are taken',
    faults: [{ type: 'stranger', to: 0, at: { ms: 90 }, of: 'generation' }],
    bug: reducerWith((real, { generation }) => ({
      receive: (message: PeerMessage) => real.receive({ ...message, generation: generation.id }),
    })),
  },
  {
    name: 'a round does not wait for every member',
    faults: [],
    bug: reducerWith((real) => {
      let own: Float32Array | undefined;
      return {
        offer: (round: number, partials: readonly Partial[], length: number) => {
          own = partials[0]?.values.slice();
          return real.offer(round, partials, length);
        },
        result: (round: number) => real.result(round) ?? own,
      };
    }),
  },
  {
    name: 'partials are added in the order of their arrival',
    faults: [],
    bug: reducerWith((real) => {
      const arrived = new Map<number, Float32Array[]>();
      const add = (round: number, values: Float32Array): void => {
        arrived.set(round, [...(arrived.get(round) ?? []), values]);
      };
      return {
        offer: (round: number, partials: readonly Partial[], length: number) => {
          for (const { values } of partials) add(round, values);
          return real.offer(round, partials, length);
        },
        receive: (message: PeerMessage) => {
          add(message.round, message.values);
          return real.receive(message);
        },
        result: (round: number) =>
          real.result(round) === undefined
            ? undefined
            : arrived
                .get(round)!
                .reduce((sum, values) => sum.map((v, i) => Math.fround(v + values[i]!))),
      };
    }),
  },
  {
    name: 'an accusation is believed',
    faults: [breakLink, { ...breakLink, between: [0, 2] }],
    bug: membership((now, state, event, options) =>
      event.type === 'message' && event.message.type === 'peer-lost'
        ? decideMembership(
            now,
            state,
            { type: 'lost', incarnation: event.message.peer, cause: event.message.cause },
            options,
          )
        : decideMembership(now, state, event, options),
    ),
  },
  {
    name: 'the accuser is blamed',
    faults: [kill],
    bug: membership((now, state, event, options) =>
      event.type === 'message' && event.message.type === 'peer-lost'
        ? decideMembership(
            now,
            state,
            { type: 'lost', incarnation: event.from, cause: event.message.cause },
            options,
          )
        : decideMembership(now, state, event, options),
    ),
  },
  {
    name: 'reports of lost peers are ignored',
    faults: [breakLink],
    bug: membership((now, state, event, options) =>
      event.type === 'message' && event.message.type === 'peer-lost'
        ? nothing(state)
        : decideMembership(now, state, event, options),
    ),
  },
  {
    name: 'the commit is sent before it is durable',
    faults: [],
    bug: membership((now, state, event, options) => {
      const decision = decideMembership(now, state, event, options);
      const commits = decision.effects.flatMap((effect): MembershipEffect[] =>
        effect.type !== 'record-generation'
          ? []
          : effect.generation.members.map(({ incarnation }) => ({
              type: 'send',
              to: incarnation,
              message: {
                ...{ type: 'commit', generation: effect.generation, holders: [] },
                state:
                  decision.state.phase.name === 'committing' ? decision.state.phase.state : nowhere,
              },
            })),
      );
      return { ...decision, effects: [...commits, ...decision.effects] };
    }),
  },
  {
    name: 'workers are released before their states are stored',
    faults: [],
    bug: membership((now, state, event, options) => {
      const isFinal =
        event.type === 'message' &&
        event.message.type === 'snapshot' &&
        event.message.kind === 'final';
      return decideMembership(now, state, isFinal ? { type: 'stop', mode: 'now' } : event, options);
    }),
  },
  {
    name: 'different bits are not noticed',
    faults: [{ type: 'flip', who: 1, round: 3 }],
    bug: membership((now, state, event, options) => {
      if (event.type !== 'message') return decideMembership(now, state, event, options);
      const { message } = event;
      if (message.type === 'round') {
        const report = { ...message.report, ledger: 'same' };
        const same = { ...event, message: { ...message, report } };
        return decideMembership(now, state, same, options);
      }
      const isOf1 = message.type === 'snapshot' && event.from === 'w1';
      return isOf1 ? nothing(state) : decideMembership(now, state, event, options);
    }),
  },
  {
    name: 'the own error of a worker is lost',
    faults: [{ type: 'throw', who: 1, round: 3 }],
    bug: membership((now, state, event, options) =>
      event.type === 'message' && event.message.type === 'failed'
        ? nothing(state)
        : decideMembership(now, state, event, options),
    ),
  },
  {
    name: 'silence is not noticed',
    faults: [{ type: 'stop-process', who: 1, at: { ms: 90 }, forMs: null }],
    bug: membership((now, state, event, options) =>
      event.type === 'tick' ? nothing(state) : decideMembership(now, state, event, options),
    ),
  },
  {
    name: 'workers are blamed for a pause of the coordinator',
    faults: [{ type: 'stop-process', who: 'coordinator', at: { ms: 60 }, forMs: 900 }],
    bug: membership((now, state, event, options) =>
      decideMembership(now, { ...state, lastTickMs: now }, event, options),
    ),
  },
  {
    name: 'no other holder of a state is asked',
    faults: [
      { type: 'no-fetch', who: 0 },
      { type: 'slow', who: 0, factor: 1 },
    ],
    bug: membership((now, state, event, options) =>
      event.type === 'not-stored' ? nothing(state) : decideMembership(now, state, event, options),
    ),
  },
  {
    name: 'a stop request is forgotten',
    faults: [{ type: 'stop-request', mode: 'graceful', at: { ms: 80 } }],
    bug: membership((now, state, event, options) =>
      event.type === 'stop' ? nothing(state) : decideMembership(now, state, event, options),
    ),
  },
  {
    name: 'a newcomer goes on from its own state',
    faults: [kill],
    bug: {
      session: {
        decide: (state, event) => {
          const decision = decideSession(state, event);
          const { life } = decision.state;
          if (life.name !== 'catching-up') return decision;
          const { generation } = life;
          return {
            ...decision,
            state: { ...decision.state, life: { name: 'running', generation } },
            effects: [{ type: 'run-rounds', generation }],
          };
        },
      },
    },
  },
  {
    name: 'the dead are members of the next generation',
    faults: [kill],
    bug: membership((now, state, event, options) => {
      const alive = new Map(
        [...state.workers].map(([name, worker]) => [
          name,
          worker.life === 'gone' && worker.stage !== 'starting'
            ? ({ ...worker, life: 'ready' } as const)
            : worker,
        ]),
      );
      const isForgotten = event.type === 'message' && event.message.type === 'ready';
      return decideMembership(
        now,
        isForgotten ? { ...state, workers: alive } : state,
        event,
        options,
      );
    }),
  },
  {
    name: 'the number of a generation is used again',
    faults: [kill],
    bug: membership((now, state, event, options) =>
      decideMembership(
        now,
        event.type === 'lost' && state.committed !== null
          ? { ...state, lastNumber: state.committed.id.number - 1 }
          : state,
        event,
        options,
      ),
    ),
  },
  {
    name: 'the lowest of the promised states is gone on from',
    faults: [kill],
    bug: membership((now, state, event, options) => {
      const decision = decideMembership(now, state, event, options);
      const { phase } = decision.state;
      const before = state.phase;
      if (phase.name !== 'committing' || before.name !== 'preparing') return decision;
      const promises = [...before.promises.values()].filter(({ round }) => round > 0);
      const lowest = promises.sort((a, b) => a.round - b.round)[0] ?? phase.state;
      const isHeld = lowest.round < phase.state.round;
      const holders = [...before.promises]
        .filter(([, promise]) => promise.round === lowest.round)
        .map(([name]) => state.workers.get(name)!.hello.address);
      const changed = isHeld ? { ...phase, state: lowest, holders } : phase;
      return { ...decision, state: { ...decision.state, phase: changed } };
    }),
  },
  {
    name: 'a gradient that was kept is used in the next generation',
    faults: [kill],
    bug: keptGradients(),
  },
  {
    name: 'shards are dealt twice',
    faults: [],
    bug: membership((now, state, event, options) => {
      const decision = decideMembership(now, state, event, options);
      const effects = decision.effects.map((effect): MembershipEffect => {
        if (effect.type !== 'send' || effect.message.type !== 'prepare') return effect;
        const { generation } = effect.message;
        const [first] = generation.members;
        const members = generation.members.map((m) => ({ ...m, firstShard: first!.firstShard }));
        return {
          ...effect,
          message: { ...effect.message, generation: { ...generation, members } },
        };
      });
      return { ...decision, effects };
    }),
  },
];
