import type { FtctlErrorJson } from '../errors/index.js';
import type { Generation } from '../rpc/generation.js';
import { agree, prepareStart, regroup, settle } from './agreement.js';
import { hasNoHolder, lastCopy, releaseIfStored, stopWithStored } from './copies.js';
import { after, decided, fail, liveMembers, liveWorkers, readyWorkers } from './decision.js';
import { isDecidedByAll } from './failures.js';
import type {
  MembershipDecision,
  MembershipEffect,
  MembershipOptions,
  MembershipState,
  WorkerRecord,
} from './membership-state.js';

/**
 * A run that cannot go on ends with its first error, but not before the newest state of those who are left is on disk:
 * they are asked for the promise of a stop, and the state at the highest round becomes a checkpoint. So a resume repeats
 * the step in flight, not the epoch. Everything that goes wrong meanwhile, and a short deadline, ends the run at once.
 */

/** Ends a run for `error`; where rounds are being run, with a checkpoint. */
export function rescue(
  nowMs: number,
  state: MembershipState,
  error: FtctlErrorJson,
  options: MembershipOptions,
): MembershipDecision {
  const generation = generationOfRounds(state);
  if (generation === undefined || isDecidedByAll(error)) return fail(state, error);
  const { rescueMs } = options.limits;
  const deadlines: MembershipEffect[] =
    state.failure === null
      ? [
          { type: 'look-again', inMs: rescueMs / 2 },
          { type: 'look-again', inMs: rescueMs },
        ]
      : [];
  const failing = { ...state, failure: state.failure ?? { error, sinceMs: nowMs } };
  if (readyWorkers(state).length === 0) return fail(state, error);
  const reason = `the run fails, the newest state is saved before (${error.code})`;
  return after(deadlines, agree(nowMs, failing, options, { purpose: 'stop', reason }));
}

/** What a rescue that takes its time comes to: those who have promised are enough, or it is given up. */
export function rescueDue(
  nowMs: number,
  state: MembershipState,
  options: MembershipOptions,
): MembershipDecision | undefined {
  const { failure, phase } = state;
  const isFinished = phase.name === 'storing' && phase.why === 'finished';
  if (failure === null || isFinished) return undefined;
  const waitedMs = nowMs - failure.sinceMs;
  if (waitedMs >= options.limits.rescueMs) return fail(state, failure.error);
  if (phase.name !== 'preparing' || waitedMs < options.limits.rescueMs / 2) return undefined;
  return settle(nowMs, state, options, { isOverdue: true });
}

/** A worker is gone, and its copies have been asked of others; `error` is what the run ends with if it cannot go on. */
export function withoutWorker(
  nowMs: number,
  state: MembershipState,
  worker: WorkerRecord,
  error: FtctlErrorJson,
  options: MembershipOptions,
): MembershipDecision {
  const { phase, committed, failure } = state;
  // Before the first round a run needs all of its workers: what ended one of them would most often end the next one too.
  if (committed === null && phase.name !== 'committing') return fail(state, error);
  const lost = `worker ${worker.hello.slot} was lost`;
  switch (phase.name) {
    case 'gathering':
      // Those who were ready may have waited for it alone.
      return isReady(state)
        ? prepareStart(nowMs, state, options)
        : decided(state, 'waiting', `${lost}; others are waited for.`);
    case 'ended':
      return decided(state, 'waiting', `${lost} after the end.`);
    case 'committing':
      return decided(state, 'waiting', `${lost}; the commit is being written.`);
    case 'running':
      return isMember(worker, phase.generation)
        ? regroup(nowMs, state, options, lost)
        : decided(state, 'waiting', `${lost} before it was a member.`);
    case 'preparing':
      if (!isMember(worker, phase.generation)) {
        return decided(state, 'waiting', `${lost} before it was a member.`);
      }
      if (phase.purpose !== 'stop') return regroup(nowMs, state, options, lost);
      if (liveMembers(state, phase.generation).length > 0) return settle(nowMs, state, options);
      return failure === null ? stopWithStored(state) : fail(state, failure.error);
    case 'storing':
      break;
  }
  const last = lastCopy(state);
  if (last === undefined || !hasNoHolder(last)) return releaseIfStored(state);
  // It took the last state with it. Those who are left may be a round behind, and have that state.
  if (failure !== null) return rescue(nowMs, state, error, options);
  if (phase.why === 'finished' && !phase.isSettled) return regroup(nowMs, state, options, lost);
  if (readyWorkers(state).length === 0) return stopWithStored(state);
  const reason = 'the only one with the last state is gone';
  return agree(nowMs, state, options, { purpose: 'stop', reason });
}

/** Somebody can go on, and nobody is on the way to it. */
function isReady(state: MembershipState): boolean {
  const numReady = readyWorkers(state).length;
  return numReady > 0 && numReady === liveWorkers(state).length;
}

function isMember({ hello }: WorkerRecord, { members }: Generation): boolean {
  return members.some(({ incarnation }) => incarnation === hello.incarnation);
}

function generationOfRounds({ phase }: MembershipState): Generation | undefined {
  return phase.name === 'running' || phase.name === 'storing' ? phase.generation : undefined;
}
