import type { FtctlErrorJson } from '../errors/index.js';
import type { Generation } from '../rpc/generation.js';
import type {
  MembershipDecision,
  MembershipEffect,
  MembershipState,
  RunEnd,
  WorkerRecord,
} from './membership-state.js';

/** A decision that changes the state. */
export function decided(
  state: MembershipState,
  outcome: string,
  reason: string,
  effects: readonly MembershipEffect[] = [],
): MembershipDecision {
  return { state, effects, outcome, reason };
}

/** A decision that changes nothing: what came is void. */
export function ignored(state: MembershipState, reason: string): MembershipDecision {
  return { state, effects: [], outcome: 'ignored', reason };
}

/** The same decision, after what `first` did. */
export function after(
  first: readonly MembershipEffect[],
  decision: MembershipDecision,
): MembershipDecision {
  return first.length === 0 ? decision : { ...decision, effects: [...first, ...decision.effects] };
}

/** Ends the run: every worker that is still there gets the same error, the first one where there was one before. */
export function fail(state: MembershipState, latest: FtctlErrorJson): MembershipDecision {
  const error = state.failure?.error ?? latest;
  const effects = liveWorkers(state).flatMap((worker): MembershipEffect[] => [
    { type: 'send', to: worker.hello.incarnation, message: { type: 'abort', error } },
    { type: 'close', incarnation: worker.hello.incarnation },
  ]);
  return end(state, effects, { status: 'failed', error }, 'failed', error.message);
}

/**
 * Ends the run: every worker that is still there may exit. A run that was only being stopped because of a failure fails
 * with that; one that is finished is, whoever died in its last moments.
 */
export function release(
  state: MembershipState,
  runEnd: Exclude<RunEnd, { status: 'failed' }>,
  reason: string,
): MembershipDecision {
  if (runEnd.status === 'stopped' && state.failure !== null) {
    return fail(state, state.failure.error);
  }
  const effects = liveWorkers(state).flatMap((worker): MembershipEffect[] => [
    { type: 'send', to: worker.hello.incarnation, message: { type: 'release', reason } },
    { type: 'close', incarnation: worker.hello.incarnation },
  ]);
  return end(state, effects, runEnd, 'released', reason);
}

function end(
  state: MembershipState,
  effects: readonly MembershipEffect[],
  runEnd: RunEnd,
  outcome: string,
  reason: string,
): MembershipDecision {
  return decided({ ...state, phase: { name: 'ended' } }, outcome, reason, [
    ...effects,
    { type: 'end', end: runEnd },
  ]);
}

/** Workers that are not gone, by slot. */
export function liveWorkers(state: MembershipState): WorkerRecord[] {
  return [...state.workers.values()]
    .filter((worker) => worker.life !== 'gone')
    .sort((a, b) => a.hello.slot - b.hello.slot);
}

/** Workers that can be members, by slot. */
export function readyWorkers(state: MembershipState): WorkerRecord[] {
  return liveWorkers(state).filter(({ life }) => life === 'ready');
}

/** Those members of a generation that are not gone, by rank. */
export function liveMembers(state: MembershipState, { members }: Generation): WorkerRecord[] {
  return members.flatMap(({ incarnation }) => {
    const worker = state.workers.get(incarnation);
    return worker === undefined || worker.life === 'gone' ? [] : [worker];
  });
}

/** The state with one worker's record changed. */
export function withWorker(
  state: MembershipState,
  worker: WorkerRecord,
  change: Partial<WorkerRecord>,
): MembershipState {
  const workers = new Map(state.workers);
  workers.set(worker.hello.incarnation, { ...worker, ...change });
  return { ...state, workers };
}

/** Rank in the committed generation; before there is one, the slot, which ranks are sorted by. */
export function rankOf(state: MembershipState, worker: WorkerRecord): number {
  const member = state.committed?.members.find((m) => m.incarnation === worker.hello.incarnation);
  return member?.rank ?? worker.hello.slot;
}
