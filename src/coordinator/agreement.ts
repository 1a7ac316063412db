import type { FtctlErrorJson } from '../errors/index.js';
import type { PreparePurpose, StateRef, WorkerMessage } from '../rpc/control-messages.js';
import { compareGenerations, formatGeneration, type Generation } from '../rpc/generation.js';
import { assignShards } from './assignment.js';
import { divergedCopy, hasNoHolder, stopWithStored, storeForStop } from './copies.js';
import {
  decided,
  fail,
  ignored,
  liveMembers,
  liveWorkers,
  rankOf,
  readyWorkers,
  withWorker,
} from './decision.js';
import { fingerprintMismatch, notAdmitted, statesDiverged } from './failures.js';
import { fingerprintDifference } from './fingerprints.js';
import type {
  Hello,
  MembershipDecision,
  MembershipOptions,
  MembershipState,
  RunPhase,
  WorkerRecord,
} from './membership-state.js';

/** Admits a worker, or sends it away: the run itself fails only where the worker's numbers would differ. */
export function admit(
  nowMs: number,
  state: MembershipState,
  hello: Hello,
  options: MembershipOptions,
): MembershipDecision {
  if (isEnding(state)) {
    const { incarnation } = hello;
    return decided(state, 'too-late', 'The run is ending.', [
      { type: 'send', to: incarnation, message: { type: 'release', reason: 'The run is ending.' } },
      { type: 'close', incarnation },
    ]);
  }
  const refusal = whyNot(state, hello, options);
  if (refusal !== undefined) return sendAway(state, hello, notAdmitted(hello.slot, refusal));
  const worker: WorkerRecord = {
    hello,
    life: 'starting',
    stage: 'starting',
    round: 0,
    stageSinceMs: nowMs,
    lastHeardMs: nowMs,
  };
  const next = withWorker(state, worker, {});
  // Where nobody is left, the bits are still those of the workers before.
  const first = liveWorkers(state)[0] ?? [...state.workers.values()][0];
  if (first !== undefined) {
    const different = differenceOf(first.hello, hello);
    if (different !== undefined) {
      const error = fingerprintMismatch([first.hello.slot, hello.slot], different);
      return state.committed === null ? fail(next, error) : sendAway(state, hello, error);
    }
  }
  return decided(next, 'admitted', `Worker ${hello.slot} said hello.`, [
    { type: 'joined', hello },
    {
      type: 'send',
      to: hello.incarnation,
      message: {
        type: 'welcome',
        term: options.term,
        bundle: options.bundle,
        resume: options.resume?.state ?? null,
        toleranceMs: options.limits.toleranceMs,
      },
    },
  ]);
}

function sendAway(
  state: MembershipState,
  { incarnation }: Hello,
  error: FtctlErrorJson,
): MembershipDecision {
  return decided(state, 'refused', error.message, [
    { type: 'send', to: incarnation, message: { type: 'abort', error } },
    { type: 'close', incarnation },
  ]);
}

function whyNot(
  state: MembershipState,
  { slot, incarnation }: Hello,
  { count }: MembershipOptions,
): string | undefined {
  if (!Number.isInteger(slot) || slot < 0 || slot >= count) {
    return `The run has ${count} workers: slots are 0 to ${count - 1}.`;
  }
  if (state.workers.has(incarnation)) return 'A worker with this incarnation is there already.';
  if (liveWorkers(state).some((worker) => worker.hello.slot === slot)) {
    return `Slot ${slot} is taken by another worker.`;
  }
  return undefined;
}

/** Nobody is asked to apply rounds any more; in a run that is finished, a newcomer may have to, should the last state be lost. */
function isEnding({ phase }: MembershipState): boolean {
  if (phase.name === 'preparing') return phase.purpose === 'stop';
  return phase.name === 'storing' && (phase.why === 'stopped' || phase.isSettled);
}

function differenceOf(a: Hello, b: Hello): ReturnType<typeof fingerprintDifference> {
  const different = fingerprintDifference(a.fingerprint, b.fingerprint);
  if (different !== undefined || a.probe === b.probe) return different;
  return { part: 'the numeric probe (same software, other bits)', left: a.probe, right: b.probe };
}

/** The first generation, once all workers are ready; also after all members of the one before are gone. */
export function prepareStart(
  nowMs: number,
  state: MembershipState,
  options: MembershipOptions,
): MembershipDecision {
  return agree(nowMs, state, options, { purpose: 'start', reason: 'all workers are ready' });
}

/** Another generation, of all that can be members; where nobody can, the run waits for workers. */
export function regroup(
  nowMs: number,
  state: MembershipState,
  options: MembershipOptions,
  reason: string,
): MembershipDecision {
  const next = { ...state, copies: state.copies.filter((copy) => !hasNoHolder(copy)) };
  if (readyWorkers(state).length > 0) {
    return agree(nowMs, next, options, { purpose: 'change', reason });
  }
  const phase = { name: 'gathering', sinceMs: nowMs } as const;
  return decided({ ...next, phase, accusations: [] }, 'gathering', `Nobody is left: ${reason}.`);
}

/** Asks all that can be members for promises under the next id: the members by slot, the shards dealt in that order. */
export function agree(
  nowMs: number,
  state: MembershipState,
  options: MembershipOptions,
  { purpose, reason }: { readonly purpose: PreparePurpose; readonly reason: string },
): MembershipDecision {
  const workers = readyWorkers(state);
  const shards = assignShards(options.numShards, workers.length);
  const number = state.lastNumber + 1;
  const generation: Generation = {
    id: { term: options.term, number },
    members: workers.map(({ hello: { incarnation, address } }, rank) => ({
      ...{ incarnation, rank, address, ...shards[rank]! },
    })),
    numShards: options.numShards,
    twoHopFromElements: options.twoHopFromElements,
  };
  const phase: RunPhase = {
    ...{ name: 'preparing', generation, purpose, reason },
    ...{ promises: new Map(), sinceMs: nowMs },
  };
  return decided(
    { ...state, phase, lastNumber: number, accusations: [] },
    'preparing',
    `Generation ${formatGeneration(generation.id)} is prepared: ${reason}.`,
    generation.members.map(({ incarnation }) => ({
      type: 'send',
      to: incarnation,
      message: { type: 'prepare', generation, purpose },
    })),
  );
}

/** Takes a promise; only one of the very id that is being prepared counts. */
export function promised(
  nowMs: number,
  state: MembershipState,
  worker: WorkerRecord,
  promise: Extract<WorkerMessage, { type: 'prepared' }>,
  options: MembershipOptions,
): MembershipDecision {
  const { phase } = state;
  if (
    phase.name !== 'preparing' ||
    compareGenerations(phase.generation.id, promise.generation) !== 0
  ) {
    return ignored(state, `A promise for ${formatGeneration(promise.generation)}, which is past.`);
  }
  const promises = new Map(phase.promises);
  promises.set(worker.hello.incarnation, promise.state);
  const next = withWorker({ ...state, phase: { ...phase, promises } }, worker, {
    round: promise.state.round,
  });
  return settle(nowMs, next, options);
}

/**
 * Goes on once every member that is left has promised; when it is overdue, with those who have. Also called when one of
 * them is gone from a stop.
 */
export function settle(
  nowMs: number,
  state: MembershipState,
  options: MembershipOptions,
  { isOverdue }: { readonly isOverdue: boolean } = { isOverdue: false },
): MembershipDecision {
  const { phase } = state;
  if (phase.name !== 'preparing') return ignored(state, 'Nothing is being prepared.');
  const { generation, purpose, promises, reason } = phase;
  const asked = liveMembers(state, generation);
  const given = asked.flatMap((worker) => {
    const promise = promises.get(worker.hello.incarnation);
    return promise === undefined ? [] : [{ worker, state: promise }];
  });
  if (given.length === 0 || (given.length < asked.length && !isOverdue)) {
    const missing = asked.filter(({ hello }) => !promises.has(hello.incarnation));
    const slots = missing.map(({ hello }) => hello.slot).join(', ');
    return decided(state, 'waiting', `The promise of worker ${slots} is missing.`);
  }
  const stored = newestStored(state, options);
  const highest = Math.max(stored?.round ?? 0, ...given.map((promise) => promise.state.round));
  const atHighest = given.filter((promise) => promise.state.round === highest);
  const groups = groupByHash(state, atHighest, stored?.round === highest ? stored : null);
  if (groups.length > 1) return fail(state, statesDiverged(highest, groups));
  const [first] = atHighest;
  if (purpose === 'stop') {
    // Nobody is at the state on disk any more: it is what the run stops with.
    if (first === undefined) return stopWithStored(state);
    const { worker, state: last } = first;
    const diverged = divergedCopy(state, last, `worker ${rankOf(state, worker)}`);
    if (diverged !== undefined) return fail(state, diverged);
    // A run that fails before its first new round leaves what there was.
    const { failure } = state;
    if (failure !== null && highest === (options.resume?.state.round ?? 0)) {
      return fail(state, failure.error);
    }
    return storeForStop(nowMs, state, {
      generation,
      state: last,
      epoch: state.ledger.last?.epoch ?? options.resume?.epoch ?? 0,
      holders: atHighest.map((p) => p.worker.hello.incarnation),
    });
  }
  const holders = atHighest.map(({ worker }) => worker.hello.address);
  const from = first?.state ?? stored!;
  return decided(
    { ...state, phase: { name: 'committing', generation, state: from, holders } },
    'agreed',
    `The members go on from round ${highest}.`,
    [{ type: 'record-generation', generation, round: highest, reason }],
  );
}

/** The newest state that the coordinator itself has. */
function newestStored({ copies }: MembershipState, { resume }: MembershipOptions): StateRef | null {
  const checkpoints = copies.filter(({ kind, path }) => kind === 'checkpoint' && path !== null);
  return checkpoints.reduce<StateRef | null>(
    (newest, { state }) => (newest === null || state.round > newest.round ? state : newest),
    resume?.state ?? null,
  );
}

/** Who has which state of one round. */
function groupByHash(
  state: MembershipState,
  promises: readonly { readonly worker: WorkerRecord; readonly state: StateRef }[],
  stored: StateRef | null,
): { hash: string; who: string }[] {
  const byHash = new Map<string, string[]>();
  const add = ({ hash }: StateRef, who: string): void => {
    byHash.set(hash, [...(byHash.get(hash) ?? []), who]);
  };
  if (stored !== null) add(stored, 'the checkpoint');
  for (const promise of promises) add(promise.state, `worker ${rankOf(state, promise.worker)}`);
  return [...byHash].map(([hash, who]) => ({ hash, who: who.join(' and ') }));
}
