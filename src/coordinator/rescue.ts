import type { FtctlErrorJson } from '../errors/index.js';
import type { Generation } from '../rpc/generation.js';
import { agree, settle } from './agreement.js';
import { hasNoHolder, lastCopy, releaseIfStored } from './copies.js';
import { after, fail } from './decision.js';
import { isDecidedByAll } from './failures.js';
import type {
  MembershipDecision,
  MembershipEffect,
  MembershipOptions,
  MembershipState,
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
  const reason = `The run fails; the newest state is saved before. ${error.message}`;
  return after(deadlines, agree(nowMs, failing, generation, 'stop', reason));
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
  error: FtctlErrorJson,
  options: MembershipOptions,
): MembershipDecision {
  const { phase } = state;
  if (phase.name === 'preparing' && phase.purpose === 'stop') return settle(nowMs, state, options);
  if (phase.name !== 'storing') return rescue(nowMs, state, error, options);
  const last = lastCopy(state);
  if (last === undefined || !hasNoHolder(last)) return releaseIfStored(state);
  // It took the last state with it. Those who are left may be a round behind, and have that state.
  const wasAsked = state.failure === null && (phase.why === 'stopped' || phase.isSettled);
  if (!wasAsked) return rescue(nowMs, state, error, options);
  return agree(nowMs, state, phase.generation, 'stop', 'The only one with the last state is gone.');
}

function generationOfRounds({ phase }: MembershipState): Generation | undefined {
  return phase.name === 'running' || phase.name === 'storing' ? phase.generation : undefined;
}
