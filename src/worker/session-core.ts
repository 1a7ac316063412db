import { FtctlError, type FtctlErrorJson } from '../errors/index.js';
import type {
  CoordinatorMessage,
  PreparePurpose,
  SnapshotKind,
  StateRef,
  WorkerMessage,
} from '../rpc/control-messages.js';
import {
  compareGenerations,
  formatGeneration,
  type Generation,
  type GenerationId,
} from '../rpc/generation.js';

/** Where a worker is. A promise binds from `promised` on: nothing is sent or applied under an older id. */
export type SessionLife =
  | { readonly name: 'greeting' }
  | { readonly name: 'building' }
  | { readonly name: 'ready' }
  /** Asked for a promise; the step loop is told to leave between two updates. */
  | {
      readonly name: 'leaving';
      readonly generation: Generation;
      readonly purpose: PreparePurpose;
    }
  /** The loop has left at `state`; the streams of the new generation are being opened. */
  | { readonly name: 'opening'; readonly generation: Generation; readonly state: StateRef }
  | { readonly name: 'promised'; readonly generation: Generation; readonly state: StateRef }
  /** A member whose state is not the one that the generation goes on from: it is being fetched. */
  | { readonly name: 'catching-up'; readonly generation: Generation }
  | { readonly name: 'running'; readonly generation: Generation }
  /** All rounds are applied; the coordinator is waited for, which stores the last state. */
  | { readonly name: 'finished'; readonly generation: Generation }
  | { readonly name: 'ended' };

/** Everything that a worker's decisions depend on. Immutable. */
export interface SessionState {
  readonly self: string;
  readonly life: SessionLife;
  /** The highest term and generation that were seen: older ones are void. */
  readonly term: number;
  readonly highest: GenerationId | null;
  /** Peers that were reported lost in this generation. */
  readonly reported: readonly string[];
}

export type SessionEvent =
  | { readonly type: 'message'; readonly message: CoordinatorMessage }
  | { readonly type: 'coordinator-lost'; readonly cause: string }
  /** The trainer is built, and the state that the run goes on from is restored. */
  | { readonly type: 'built'; readonly state: StateRef }
  /** The step loop is out, between two updates. */
  | { readonly type: 'loop-left'; readonly generation: GenerationId; readonly state: StateRef }
  | { readonly type: 'streams-open'; readonly generation: GenerationId }
  | {
      readonly type: 'streams-failed';
      readonly generation: GenerationId;
      readonly error: FtctlErrorJson;
    }
  /** The time of `fail-later` is over. */
  | {
      readonly type: 'still-failed';
      readonly generation: GenerationId;
      readonly error: FtctlErrorJson;
    }
  | { readonly type: 'peer-lost'; readonly peer: string; readonly cause: string }
  /** The state that the generation goes on from is there. */
  | { readonly type: 'caught-up'; readonly generation: GenerationId }
  /** The last round is applied. */
  | { readonly type: 'finished' }
  /** This worker cannot go on. */
  | { readonly type: 'trouble'; readonly error: FtctlErrorJson };

export type SessionEffect =
  | { readonly type: 'send'; readonly message: WorkerMessage }
  | {
      readonly type: 'build';
      readonly bundle: string;
      readonly resume: StateRef | null;
      /** Signs of life are due four times in it. */
      readonly toleranceMs: number;
    }
  /** Make the step loop leave, if it runs, then say `loop-left`. */
  | { readonly type: 'leave-loop'; readonly generation: GenerationId }
  | { readonly type: 'open-streams'; readonly generation: Generation }
  /** Nobody may have died: say `still-failed` once the coordinator has had the time to decide. */
  | {
      readonly type: 'fail-later';
      readonly generation: GenerationId;
      readonly error: FtctlErrorJson;
    }
  /** Get the state from one of `holders` (`host:port`; none: from the coordinator), then say `caught-up`. */
  | {
      readonly type: 'catch-up';
      readonly generation: Generation;
      readonly state: StateRef;
      readonly holders: readonly string[];
    }
  | { readonly type: 'run-rounds'; readonly generation: Generation }
  | { readonly type: 'drop-copy'; readonly state: StateRef; readonly kind: SnapshotKind }
  /** null: released. */
  | { readonly type: 'end'; readonly error: FtctlErrorJson | null };

/** `outcome` is a word for tests and logs, `reason` a sentence for people. */
export interface SessionDecision {
  readonly state: SessionState;
  readonly effects: readonly SessionEffect[];
  readonly outcome: string;
  readonly reason: string;
}

export function initialSession(self: string): SessionState {
  return { self, life: { name: 'greeting' }, term: 0, highest: null, reported: [] };
}

/** What the worker does about `event`, with no I/O and no clock. After the end every event is ignored. */
export function decide(state: SessionState, event: SessionEvent): SessionDecision {
  const { life } = state;
  if (life.name === 'ended') return ignored(state, 'The session has ended.');
  switch (event.type) {
    case 'message':
      return onMessage(state, event.message);
    case 'coordinator-lost':
      return end(state, coordinatorLost(event.cause), 'The coordinator is lost.');
    case 'built':
      if (life.name !== 'building') return ignored(state, 'Nothing was being built.');
      return go(state, { name: 'ready' }, 'ready', 'The trainer is ready.', [
        { type: 'send', message: { type: 'ready', state: event.state } },
      ]);
    case 'loop-left':
      return onLoopLeft(state, event.generation, event.state);
    case 'streams-open':
      if (life.name !== 'opening' || !same(life.generation.id, event.generation)) {
        return ignored(state, 'Streams of a generation that is past.');
      }
      return promise(state, life.generation, life.state);
    case 'streams-failed':
      if (life.name !== 'opening' || !same(life.generation.id, event.generation)) {
        return ignored(state, 'Streams of a generation that is past.');
      }
      return decided(state, 'unreachable', 'A member cannot be reached; the coordinator decides.', [
        { type: 'fail-later', generation: event.generation, error: event.error },
      ]);
    case 'still-failed':
      if (life.name !== 'opening' || !same(life.generation.id, event.generation)) {
        return ignored(state, 'The coordinator has decided meanwhile.');
      }
      return trouble(state, event.error);
    case 'peer-lost':
      return onPeerLost(state, event.peer, event.cause);
    case 'caught-up':
      if (life.name !== 'catching-up' || !same(life.generation.id, event.generation)) {
        return ignored(state, 'Another generation is being prepared by now.');
      }
      return run(state, life.generation, 'The state is there.');
    case 'finished':
      if (life.name !== 'running') return ignored(state, 'No rounds were being run.');
      return go(
        state,
        { name: 'finished', generation: life.generation },
        'finished',
        'All rounds are applied.',
      );
    case 'trouble':
      return trouble(state, event.error);
  }
}

function onMessage(state: SessionState, message: CoordinatorMessage): SessionDecision {
  switch (message.type) {
    case 'welcome':
      if (state.life.name !== 'greeting') return ignored(state, 'A second welcome.');
      return go(
        { ...state, term: message.term },
        { name: 'building' },
        'welcome',
        `Term ${message.term} took this worker in.`,
        [
          {
            ...({ type: 'build', bundle: message.bundle } as const),
            ...{ resume: message.resume, toleranceMs: message.toleranceMs },
          },
        ],
      );
    case 'prepare':
      return onPrepare(state, message.generation, message.purpose);
    case 'commit':
      return onCommit(state, message);
    case 'acknowledge':
      return decided(state, 'stored', `Round ${message.state.round} is on disk.`, [
        { type: 'drop-copy', state: message.state, kind: message.kind },
      ]);
    case 'release':
      return end(state, null, message.reason);
    case 'abort':
      return end(state, message.error, message.error.message);
  }
}

function onPrepare(
  state: SessionState,
  generation: Generation,
  purpose: PreparePurpose,
): SessionDecision {
  const { life, highest } = state;
  const id = formatGeneration(generation.id);
  if (generation.id.term < state.term) return ignored(state, `Generation ${id} is of an old term.`);
  if (highest !== null && compareGenerations(generation.id, highest) <= 0) {
    return ignored(state, `Generation ${id} is not newer than ${formatGeneration(highest)}.`);
  }
  if (life.name === 'greeting' || life.name === 'building') {
    return ignored(state, `Generation ${id} came before this worker was ready.`);
  }
  if (!generation.members.some(({ incarnation }) => incarnation === state.self)) {
    return ignored(state, `Generation ${id} is without this worker.`);
  }
  return go(
    { ...state, term: generation.id.term, highest: generation.id, reported: [] },
    { name: 'leaving', generation, purpose },
    'leaving',
    `A promise for generation ${id} is asked for (${purpose}).`,
    [{ type: 'leave-loop', generation: generation.id }],
  );
}

function onLoopLeft(state: SessionState, id: GenerationId, at: StateRef): SessionDecision {
  const { life } = state;
  if (life.name !== 'leaving' || !same(life.generation.id, id)) {
    return ignored(state, 'Another generation is being prepared by now.');
  }
  // No round will be run under the id of a stop: its promise needs no streams, and a broken one must not hinder it.
  if (life.purpose === 'stop') return promise(state, life.generation, at);
  return go(
    state,
    { name: 'opening', generation: life.generation, state: at },
    'opening',
    `Opens streams to ${life.generation.members.length - 1} members.`,
    [{ type: 'open-streams', generation: life.generation }],
  );
}

function promise(state: SessionState, generation: Generation, at: StateRef): SessionDecision {
  return go(
    state,
    { name: 'promised', generation, state: at },
    'promised',
    `Promised ${formatGeneration(generation.id)} at round ${at.round}.`,
    [{ type: 'send', message: { type: 'prepared', generation: generation.id, state: at } }],
  );
}

/** Only who promised that very id accepts it. */
function onCommit(
  state: SessionState,
  { generation, state: from, holders }: Extract<CoordinatorMessage, { type: 'commit' }>,
): SessionDecision {
  const { life } = state;
  const id = formatGeneration(generation.id);
  if (life.name !== 'promised' || !same(life.generation.id, generation.id)) {
    return ignored(state, `Generation ${id} was not promised.`);
  }
  if (from.round === life.state.round && from.hash === life.state.hash) {
    return run(state, life.generation, `It goes on from round ${from.round}.`);
  }
  return go(
    state,
    { name: 'catching-up', generation: life.generation },
    'catching-up',
    `Generation ${id} goes on from round ${from.round}; this worker is at ${life.state.round}.`,
    [{ type: 'catch-up', generation: life.generation, state: from, holders }],
  );
}

function run(state: SessionState, generation: Generation, reason: string): SessionDecision {
  return go(
    state,
    { name: 'running', generation },
    'running',
    `Generation ${formatGeneration(generation.id)} holds. ${reason}`,
    [{ type: 'run-rounds', generation }],
  );
}

/** Only reported: who is to blame is the coordinator's to say. */
function onPeerLost(state: SessionState, peer: string, cause: string): SessionDecision {
  const { life } = state;
  if (!hasGeneration(life)) {
    return ignored(state, 'No generation is open.');
  }
  const { generation } = life;
  if (!generation.members.some(({ incarnation }) => incarnation === peer)) {
    return ignored(state, `${peer} is no member of generation ${formatGeneration(generation.id)}.`);
  }
  if (state.reported.includes(peer)) return ignored(state, `${peer} was reported already.`);
  const report: WorkerMessage = { type: 'peer-lost', generation: generation.id, peer, cause };
  return decided(
    { ...state, reported: [...state.reported, peer] },
    'peer-lost',
    `The stream of ${peer} broke: ${cause}.`,
    [{ type: 'send', message: report }],
  );
}

type LifeInGeneration = Extract<
  SessionLife,
  { name: 'running' | 'catching-up' | 'opening' | 'promised' }
>;

function hasGeneration(life: SessionLife): life is LifeInGeneration {
  const { name } = life;
  return name === 'running' || name === 'catching-up' || name === 'opening' || name === 'promised';
}

function coordinatorLost(cause: string): FtctlErrorJson {
  return new FtctlError('FT_COORDINATOR_LOST', {
    what: `The connection to the coordinator broke: ${cause.replace(/\.$/, '')}.`,
    phase: 'membership',
  }).toJSON();
}

function trouble(state: SessionState, error: FtctlErrorJson): SessionDecision {
  return end(state, error, error.message, [{ type: 'send', message: { type: 'failed', error } }]);
}

function end(
  state: SessionState,
  error: FtctlErrorJson | null,
  reason: string,
  effects: readonly SessionEffect[] = [],
): SessionDecision {
  const outcome = error === null ? 'released' : 'failed';
  return go(state, { name: 'ended' }, outcome, reason, [...effects, { type: 'end', error }]);
}

function go(
  state: SessionState,
  life: SessionLife,
  outcome: string,
  reason: string,
  effects: readonly SessionEffect[] = [],
): SessionDecision {
  return { state: { ...state, life }, effects, outcome, reason };
}

function decided(
  state: SessionState,
  outcome: string,
  reason: string,
  effects: readonly SessionEffect[],
): SessionDecision {
  return { state, effects, outcome, reason };
}

function ignored(state: SessionState, reason: string): SessionDecision {
  return { state, effects: [], outcome: 'ignored', reason };
}

function same(a: GenerationId, b: GenerationId): boolean {
  return compareGenerations(a, b) === 0;
}
