import type { FtctlErrorJson } from '../errors/index.js';
import type { StateRef, WorkerMessage } from '../rpc/control-messages.js';
import type { Generation } from '../rpc/generation.js';
import { after, decided, fail, ignored, liveWorkers, rankOf, release } from './decision.js';
import { stateNotGiven, statesDiverged } from './failures.js';
import { settleUntil } from './ledger.js';
import type {
  Copy,
  MembershipDecision,
  MembershipEffect,
  MembershipEvent,
  MembershipState,
  WorkerRecord,
} from './membership-state.js';

/**
 * States that workers hold until the coordinator has them on disk. Every worker announces the same ones, so that
 * one whose first holder is gone is fetched from another. Nobody is released before all of them are stored.
 */

/** A worker announces a state that it holds. The final one ends the run. */
export function noteCopy(
  nowMs: number,
  state: MembershipState,
  worker: WorkerRecord,
  { state: ref, kind, epoch }: Extract<WorkerMessage, { type: 'snapshot' }>,
): MembershipDecision {
  const { committed } = state;
  if (committed === null) return ignored(state, 'No round can have been applied yet.');
  const { incarnation } = worker.hello;
  const diverged = divergedCopy(state, ref, `worker ${rankOf(state, worker)}`);
  if (diverged !== undefined) return fail(state, diverged);
  const held = hold(state, { kind, state: ref, epoch }, incarnation);
  if (kind === 'final' && held.state.phase.name === 'storing') {
    return after(held.effects, releaseIfStored(held.state));
  }
  // Where a stop is being prepared, the promises tell whether the others have got to the end too.
  if (kind !== 'final' || held.state.phase.name === 'preparing') {
    return decided(
      held.state,
      'copy',
      `Worker holds the ${kind} of round ${ref.round}.`,
      held.effects,
    );
  }
  const ending: MembershipState = {
    ...held.state,
    phase: {
      ...{ name: 'storing', generation: committed, why: 'finished', state: ref },
      ...{ isSettled: false, sinceMs: nowMs },
    },
  };
  return after(held.effects, releaseIfStored(ending));
}

/** What is wrong where `who` has another state than was announced for the same round. */
export function divergedCopy(
  state: MembershipState,
  ref: StateRef,
  who: string,
): FtctlErrorJson | undefined {
  const other = state.copies.find(({ state: s }) => s.round === ref.round && s.hash !== ref.hash);
  if (other === undefined) return undefined;
  const holder = other.holders[0] === undefined ? undefined : state.workers.get(other.holders[0]);
  return statesDiverged(ref.round, [
    {
      hash: other.state.hash,
      who: holder === undefined ? 'another' : `worker ${rankOf(state, holder)}`,
    },
    { hash: ref.hash, who },
  ]);
}

/**
 * After the promises of a stop: the state at the highest round is stored as a checkpoint. Where it is the final one, or
 * that is on disk, the run is finished: a stop that comes in the last round has nothing to stop.
 */
export function storeForStop(
  nowMs: number,
  state: MembershipState,
  at: {
    readonly generation: Generation;
    readonly state: StateRef;
    readonly epoch: number;
    readonly holders: readonly string[];
  },
): MembershipDecision {
  const final = state.copies.find(
    ({ kind, path, state: s }) => kind === 'final' && (path !== null || s.round === at.state.round),
  );
  let next: MembershipState = {
    ...state,
    // Who held a later state is gone; its rounds are done again after a resume.
    copies: state.copies.filter((c) => c.path !== null || c.state.round <= at.state.round),
    phase: {
      ...{ name: 'storing', generation: at.generation },
      ...{ why: final === undefined ? 'stopped' : 'finished', state: (final ?? at).state },
      ...{ isSettled: true, sinceMs: nowMs },
    },
  };
  if (final !== undefined) return releaseIfStored(next);
  const effects: MembershipEffect[] = [];
  for (const holder of at.holders) {
    const copy = { kind: 'checkpoint' as const, state: at.state, epoch: at.epoch };
    const held = hold(next, copy, holder);
    next = held.state;
    effects.push(...held.effects);
  }
  return after(effects, releaseIfStored(next));
}

/** Nobody is left with a state: the run is stopped where the newest checkpoint is. */
export function stopWithStored(state: MembershipState): MembershipDecision {
  const newest = state.copies
    .filter(({ kind, path }) => kind === 'checkpoint' && path !== null)
    .toSorted((a, b) => b.state.round - a.state.round)[0];
  const final =
    newest?.path == null ? null : { kind: newest.kind, state: newest.state, path: newest.path };
  return release(state, { status: 'stopped', final }, 'Stopped; the newest checkpoint stays.');
}

/** A state is on disk: whoever holds a copy may drop it. */
export function stored(
  state: MembershipState,
  event: Extract<MembershipEvent, { type: 'stored' }>,
): MembershipDecision {
  const copy = find(state, event);
  if (copy === undefined || copy.path !== null)
    return ignored(state, 'That state is stored already.');
  const live = new Set(liveWorkers(state).map(({ hello }) => hello.incarnation));
  const acknowledgements = copy.holders
    .filter((holder) => live.has(holder))
    .map((holder) => acknowledge(holder, copy));
  const kept = replace(state, copy, { ...copy, path: event.path });
  const isCheckpoint = copy.kind === 'checkpoint';
  const ledger = isCheckpoint ? settleUntil(state.ledger, copy.state.round) : state.ledger;
  const next = { ...kept, ledger };
  return after(acknowledgements, releaseIfStored(next));
}

/**
 * A state could not be stored. For want of a disk the run fails; else another holder is asked, and where there is none,
 * the holder's own stream has the time to break that an accused worker has: its death is the better explanation.
 */
export function notStored(
  nowMs: number,
  state: MembershipState,
  event: Extract<MembershipEvent, { type: 'not-stored' }>,
): MembershipDecision {
  const copy = find(state, event);
  if (copy === undefined || copy.path !== null || copy.holders[0] !== event.holder) {
    return ignored(state, 'That attempt is past.');
  }
  if (faultsOfOurDisk.has(event.error.code)) return fail(state, event.error);
  const failedHolders = [...copy.failedHolders, event.holder];
  const next = replace(state, copy, { ...copy, failedHolders });
  const holder = state.workers.get(event.holder);
  const rank = holder === undefined ? undefined : rankOf(state, holder);
  const dropped = dropHolder(nowMs, next, event.holder, stateNotGiven(rank, event.error));
  return decided(
    dropped.state,
    'copy-moved',
    `${event.holder} did not give its copy: ${event.error.message}`,
    dropped.effects,
  );
}

const faultsOfOurDisk: ReadonlySet<string> = new Set(['FT_DISK_FULL', 'FT_NOT_WRITABLE']);

/** `holder` is gone, or could not give a copy: the next holder is asked. */
export function dropHolder(
  nowMs: number,
  state: MembershipState,
  holder: string,
  error: FtctlErrorJson,
): { state: MembershipState; effects: MembershipEffect[] } {
  const effects: MembershipEffect[] = [];
  const isGone = state.workers.get(holder)?.life === 'gone';
  let next = state;
  for (const copy of state.copies) {
    const cannot = isGone || copy.failedHolders.includes(holder);
    if (copy.path !== null || !cannot || !copy.holders.includes(holder)) continue;
    const holders = copy.holders.filter((other) => other !== holder);
    const changed = { ...copy, holders, problem: { error, sinceMs: nowMs } };
    next = replace(next, copy, changed);
    if (holders[0] === undefined) {
      if (isGone) effects.push({ type: 'give-up', kind: copy.kind, state: copy.state });
    } else if (holders[0] !== copy.holders[0]) {
      effects.push(storeEffect(changed, holders[0]));
    }
  }
  return { state: next, effects };
}

/** The copy that the run ends with, once it is known. */
export function lastCopy({ phase, copies }: MembershipState): Copy | undefined {
  if (phase.name !== 'storing') return undefined;
  const kind = phase.why === 'finished' ? 'final' : 'checkpoint';
  return copies.find((c) => c.kind === kind && c.state.round === phase.state.round);
}

/** It is not on disk, and nobody is left who has said that it could give it. */
export function hasNoHolder({ path, holders }: Copy): boolean {
  return path === null && holders.length === 0;
}

/** Whether no live worker can have, or come to have, a copy. */
export function nobodyElse(state: MembershipState, copy: Copy): boolean {
  if (!hasNoHolder(copy)) return false;
  if (state.phase.name === 'storing' && state.phase.isSettled) return true;
  return liveWorkers(state).every(({ hello }) => copy.failedHolders.includes(hello.incarnation));
}

/**
 * Ends the run once it is storing and everything is stored. A finished run also waits until all members have announced
 * the same final state, unless nobody will any more: all have promised to stop, or one of them is gone, and without it
 * others may never get there. A run that fails waits for the last state alone, which has all that a resume needs.
 */
export function releaseIfStored(
  state: MembershipState,
  options: { readonly isOverdue: boolean } = { isOverdue: false },
): MembershipDecision {
  const { phase, copies, failure } = state;
  const last = lastCopy(state);
  const isFailing = failure !== null && phase.name === 'storing' && phase.why === 'stopped';
  const missing = isFailing ? [] : copies.filter(({ path }) => path === null);
  if (phase.name !== 'storing' || missing.length > 0) {
    return decided(state, 'stored', `${missing.length} more states are to be stored.`);
  }
  if (last?.path == null) return decided(state, 'stored', 'The last state is not stored yet.');
  const isAgreed =
    phase.isSettled ||
    phase.generation.members.every(({ incarnation }) => last.holders.includes(incarnation));
  const isAnyoneGone = [...state.workers.values()].some(({ life }) => life === 'gone');
  if (phase.why === 'finished' && !isAgreed && !isAnyoneGone && !options.isOverdue) {
    return decided(state, 'stored', 'Some members have not announced the last state yet.');
  }
  return release(
    state,
    { status: phase.why, final: { kind: last.kind, state: last.state, path: last.path } },
    phase.why === 'finished' ? 'The run is finished.' : `Stopped at round ${last.state.round}.`,
  );
}

/** Notes that `holder` has a copy; the first one is asked for it, a late one need not keep it. */
function hold(
  state: MembershipState,
  what: Pick<Copy, 'kind' | 'state' | 'epoch'>,
  holder: string,
): { state: MembershipState; effects: MembershipEffect[] } {
  const known = find(state, what);
  if (known === undefined) {
    const copy = { ...what, holders: [holder], failedHolders: [], path: null, problem: null };
    return {
      state: { ...state, copies: [...state.copies, copy] },
      effects: [storeEffect(copy, holder)],
    };
  }
  const copy = { ...known, holders: [...known.holders, holder] };
  const next = replace(state, known, copy);
  if (known.path !== null) return { state: next, effects: [acknowledge(holder, known)] };
  return { state: next, effects: known.holders.length === 0 ? [storeEffect(copy, holder)] : [] };
}

function find(
  state: MembershipState,
  { kind, state: ref }: Pick<Copy, 'kind' | 'state'>,
): Copy | undefined {
  return state.copies.find((c) => c.kind === kind && c.state.round === ref.round);
}

function replace(state: MembershipState, before: Copy, now: Copy): MembershipState {
  return { ...state, copies: state.copies.map((copy) => (copy === before ? now : copy)) };
}

function acknowledge(to: string, { state, kind }: Copy): MembershipEffect {
  return { type: 'send', to, message: { type: 'acknowledge', state, kind } };
}

function storeEffect({ kind, state, epoch }: Copy, holder: string): MembershipEffect {
  return { type: 'store', kind, state, epoch, holder };
}
