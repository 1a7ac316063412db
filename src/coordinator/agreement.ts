import type { PreparePurpose, StateRef, WorkerMessage } from '../rpc/control-messages.js';
import { compareGenerations, formatGeneration, type Generation } from '../rpc/generation.js';
import { assignShards } from './assignment.js';
import { divergedCopy, storeForStop } from './copies.js';
import { decided, fail, ignored, liveWorkers, rankOf, withWorker } from './decision.js';
import { fingerprintMismatch, notAdmitted, protocolBroken, statesDiverged } from './failures.js';
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
  const refusal = whyNot(state, hello, options);
  if (refusal !== undefined) {
    return decided(state, 'refused', refusal, [
      {
        type: 'send',
        to: hello.incarnation,
        message: { type: 'abort', error: notAdmitted(hello.slot, refusal) },
      },
      { type: 'close', incarnation: hello.incarnation },
    ]);
  }
  const worker: WorkerRecord = {
    hello,
    life: 'starting',
    stage: 'starting',
    round: 0,
    stageSinceMs: nowMs,
    lastHeardMs: nowMs,
  };
  const next = withWorker(state, worker, {});
  const first = liveWorkers(state)[0];
  if (first !== undefined) {
    const different = differenceOf(first.hello, hello);
    if (different !== undefined) {
      return fail(next, fingerprintMismatch([first.hello.slot, hello.slot], different));
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
      },
    },
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
  return state.phase.name === 'gathering' ? undefined : 'The run has all of its workers.';
}

function differenceOf(a: Hello, b: Hello): ReturnType<typeof fingerprintDifference> {
  const different = fingerprintDifference(a.fingerprint, b.fingerprint);
  if (different !== undefined || a.probe === b.probe) return different;
  return { part: 'the numeric probe (same software, other bits)', left: a.probe, right: b.probe };
}

/** The first generation: the members by slot, the shards dealt in that order. */
export function prepareStart(
  nowMs: number,
  state: MembershipState,
  options: MembershipOptions,
): MembershipDecision {
  const workers = liveWorkers(state);
  const shards = assignShards(options.numShards, workers.length);
  const generation = {
    id: { term: options.term, number: 0 },
    members: workers.map(({ hello: { incarnation, address } }, rank) => ({
      incarnation,
      rank,
      address,
      ...shards[rank]!,
    })),
    numShards: options.numShards,
    twoHopFromElements: options.twoHopFromElements,
  };
  return agree(nowMs, state, generation, 'start', 'All workers are ready.');
}

/** Asks for promises under the next id; members and shards are those of `like`. */
export function agree(
  nowMs: number,
  state: MembershipState,
  like: Generation,
  purpose: PreparePurpose,
  reason: string,
): MembershipDecision {
  const number = state.lastNumber + 1;
  const generation: Generation = { ...like, id: { term: like.id.term, number } };
  const phase: RunPhase = {
    name: 'preparing',
    generation,
    purpose,
    promises: new Map(),
    sinceMs: nowMs,
  };
  const isGone = ({ incarnation }: { readonly incarnation: string }): boolean =>
    state.workers.get(incarnation)?.life === 'gone';
  const asked = generation.members.filter((member) => !isGone(member));
  return decided(
    { ...state, phase, lastNumber: number, accusations: [] },
    'preparing',
    reason,
    asked.map(({ incarnation }) => ({
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
 * them is gone.
 */
export function settle(
  nowMs: number,
  state: MembershipState,
  options: MembershipOptions,
  { isOverdue }: { readonly isOverdue: boolean } = { isOverdue: false },
): MembershipDecision {
  const { phase } = state;
  if (phase.name !== 'preparing') return ignored(state, 'Nothing is being prepared.');
  const hasPromised = ({ hello }: WorkerRecord): boolean => phase.promises.has(hello.incarnation);
  const members = liveWorkers(state).filter((worker) => !isOverdue || hasPromised(worker));
  const missing = liveWorkers(state).filter((worker) => !hasPromised(worker));
  if (members.length === 0 || (missing.length > 0 && !isOverdue)) {
    const slots = missing.map(({ hello }) => hello.slot).join(', ');
    return decided(state, 'waiting', `The promise of worker ${slots} is missing.`);
  }
  const promises = members.map((worker) => ({
    worker,
    state: phase.promises.get(worker.hello.incarnation)!,
  }));
  const highest = Math.max(...promises.map((p) => p.state.round));
  const laggard = promises.find((p) => p.state.round < highest - 1);
  if (laggard !== undefined) {
    const rank = rankOf(state, laggard.worker);
    return fail(
      state,
      protocolBroken(
        rank,
        `Worker ${rank} is at round ${laggard.state.round}, another at ${highest}: members differ by at most one.`,
      ),
    );
  }
  const atHighest = promises.filter((p) => p.state.round === highest);
  const groups = groupByHash(state, phase.purpose === 'start' ? promises : atHighest, options);
  if (groups.length > 1) return fail(state, statesDiverged(highest, groups));

  const { generation, purpose } = phase;
  if (purpose === 'stop') {
    const [{ worker, state: last }] = atHighest as [(typeof atHighest)[number]];
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
  return decided(
    { ...state, phase: { name: 'committing', generation, round: highest } },
    'agreed',
    `All members are at round ${highest} with the same state.`,
    [{ type: 'record-generation', generation, round: highest, reason: purpose }],
  );
}

/** Who has which state; at the start, the state that the run was to start from is one of them. */
function groupByHash(
  state: MembershipState,
  promises: readonly { readonly worker: WorkerRecord; readonly state: StateRef }[],
  { resume }: MembershipOptions,
): { hash: string; who: string }[] {
  const byHash = new Map<string, string[]>();
  const add = (ref: StateRef, who: string): void => {
    const key = `${ref.round} ${ref.hash}`;
    byHash.set(key, [...(byHash.get(key) ?? []), who]);
  };
  if (resume !== null && state.committed === null) add(resume.state, 'the checkpoint');
  for (const promise of promises) add(promise.state, `worker ${rankOf(state, promise.worker)}`);
  return [...byHash].map(([key, who]) => ({ hash: key.split(' ')[1]!, who: who.join(' and ') }));
}
