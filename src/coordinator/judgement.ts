import type { FtctlErrorJson } from '../errors/index.js';
import type { WorkerMessage } from '../rpc/control-messages.js';
import { compareGenerations, formatGeneration, type Generation } from '../rpc/generation.js';
import { dropHolder, nobodyElse, releaseIfStored } from './copies.js';
import {
  after,
  decided,
  fail,
  ignored,
  liveMembers,
  liveWorkers,
  rankOf,
  withWorker,
} from './decision.js';
import {
  nobodyGetsOn,
  seconds,
  workerMissing,
  workersDisconnected,
  workerSilent,
} from './failures.js';
import type {
  Accusation,
  Copy,
  MembershipDecision,
  MembershipEffect,
  MembershipOptions,
  MembershipState,
  WorkerRecord,
} from './membership-state.js';
import { rescue, rescueDue, withoutWorker } from './rescue.js';

/**
 * Who is to blame, and when. A report of a peer proves nothing by itself: the reporter may be the one whose network
 * broke, and the accused's own stream usually breaks a moment later and gives the true cause. So a report starts a
 * wait of `toleranceMs`; only streams, silence and limits end a worker's part.
 */

/** Stages in which a worker waits for others: whoever is waited for is to blame, not who waits. */
const waitingStages: ReadonlySet<string> = new Set([
  'idle',
  'ready',
  'promised',
  'communicate',
  'wait',
  'finished',
]);

/** A worker is gone for good. `error` is what the run ends with, where it cannot do without it. */
export function gone(
  nowMs: number,
  state: MembershipState,
  worker: WorkerRecord,
  error: FtctlErrorJson,
  options: MembershipOptions,
): MembershipDecision {
  const { incarnation, slot } = worker.hello;
  const left = withWorker(state, worker, { life: 'gone' });
  const effects: MembershipEffect[] = [
    { type: 'send', to: incarnation, message: { type: 'abort', error } },
    { type: 'close', incarnation },
    { type: 'worker-lost', slot, cause: error.message },
  ];
  const moved = dropHolder(nowMs, left, incarnation, error);
  return after(
    [...effects, ...moved.effects],
    withoutWorker(nowMs, moved.state, worker, error, options),
  );
}

/** Takes a member's report that its stream from a peer broke for good. */
export function accuse(
  nowMs: number,
  state: MembershipState,
  accuser: WorkerRecord,
  report: Extract<WorkerMessage, { type: 'peer-lost' }>,
): MembershipDecision {
  const current = openGeneration(state);
  if (current === undefined || compareGenerations(current.id, report.generation) !== 0) {
    return ignored(state, `A report about ${formatGeneration(report.generation)}, which is past.`);
  }
  const accused = state.workers.get(report.peer);
  if (accused === undefined || accused.life === 'gone' || accused === accuser) {
    return ignored(state, 'A report about no other live worker.');
  }
  const pair = { accuser: accuser.hello.incarnation, accused: report.peer };
  if (state.accusations.some((a) => a.accuser === pair.accuser && a.accused === pair.accused)) {
    return ignored(state, 'A report that is known.');
  }
  const accusation: Accusation = { ...pair, cause: report.cause, sinceMs: nowMs };
  return decided(
    { ...state, accusations: [...state.accusations, accusation] },
    'accused',
    `Worker ${rankOf(state, accuser)} has lost worker ${rankOf(state, accused)}: ${report.cause}.`,
  );
}

/** Looks at every limit. The first thing that went wrong is the one that is told. */
export function judge(
  nowMs: number,
  before: MembershipState,
  options: MembershipOptions,
): MembershipDecision {
  const { limits } = options;
  const late = nowMs - before.lastTickMs > limits.tickMs + limits.toleranceMs / 2;
  const state = { ...(late ? forgive(nowMs, before) : before), lastTickMs: nowMs };
  if (late) return decided(state, 'forgiven', 'The coordinator itself was stopped for a while.');

  const due = rescueDue(nowMs, state, options);
  if (due !== undefined) return due;
  const silent = silentWorker(nowMs, state, options);
  if (silent !== undefined) {
    const error = workerSilent(silent.worker, rankOf(state, silent.worker), silent.missed);
    return gone(nowMs, state, silent.worker, error, options);
  }
  const broken = brokenLink(nowMs, state, options);
  if (broken !== undefined) return gone(nowMs, state, broken.worker, broken.error, options);
  const cause = deadlock(nowMs, state, options);
  if (cause !== undefined) return rescue(nowMs, state, cause, options);
  const error = missingWorker(nowMs, state, options);
  if (error !== undefined) return fail(state, error);
  const lost = lostCopy(nowMs, state, options);
  if (lost !== undefined) return withoutCopy(nowMs, state, lost, options);
  const { phase } = state;
  if (phase.name === 'storing' && nowMs - phase.sinceMs > limits.toleranceMs) {
    return releaseIfStored(state, { isOverdue: true });
  }
  return decided(state, 'tick', 'Everyone is within the limits.');
}

/** After a pause of our own process the deadlines start again: nobody else was late. */
function forgive(nowMs: number, state: MembershipState): MembershipState {
  const { phase } = state;
  const workers = [...state.workers].map(
    ([incarnation, worker]) =>
      [incarnation, { ...worker, lastHeardMs: nowMs, stageSinceMs: nowMs }] as const,
  );
  return {
    ...state,
    workers: new Map(workers),
    accusations: state.accusations.map((accusation) => ({ ...accusation, sinceMs: nowMs })),
    failure: state.failure === null ? null : { ...state.failure, sinceMs: nowMs },
    phase: 'sinceMs' in phase ? { ...phase, sinceMs: nowMs } : phase,
  };
}

function silentWorker(
  nowMs: number,
  state: MembershipState,
  { limits }: MembershipOptions,
): { worker: WorkerRecord; missed: string } | undefined {
  const { phase } = state;
  const longestSilentFirst = liveWorkers(state).sort((a, b) => a.lastHeardMs - b.lastHeardMs);
  for (const worker of longestSilentFirst) {
    const silentMs = nowMs - worker.lastHeardMs;
    if (silentMs > limits.toleranceMs) {
      const limit = seconds(limits.toleranceMs);
      return { worker, missed: `it said nothing for ${seconds(silentMs)} (limit ${limit})` };
    }
  }
  for (const worker of liveWorkers(state)) {
    const inStageMs = nowMs - worker.stageSinceMs;
    const limitMs = worker.life === 'starting' ? limits.startMs : limits.stageMs;
    if (inStageMs > limitMs && !waitingStages.has(worker.stage)) {
      const limit = seconds(limitMs);
      return { worker, missed: `it has been there for ${seconds(inStageMs)} (limit ${limit})` };
    }
  }
  if (phase.name !== 'preparing' || nowMs - phase.sinceMs <= limits.prepareMs) return undefined;
  const asked = liveMembers(state, phase.generation);
  const worker = asked.find((w) => !phase.promises.has(w.hello.incarnation));
  const missed = `it did not answer a prepare within ${seconds(limits.prepareMs)}`;
  return worker === undefined ? undefined : { worker, missed };
}

function missingWorker(
  nowMs: number,
  state: MembershipState,
  { limits, count }: MembershipOptions,
): FtctlErrorJson | undefined {
  const { phase } = state;
  if (phase.name !== 'gathering' || nowMs - phase.sinceMs <= limits.helloMs) return undefined;
  const there = new Set(liveWorkers(state).map(({ hello }) => hello.slot));
  // A run that has begun goes on with whoever comes.
  if (state.committed !== null && there.size > 0) return undefined;
  for (let slot = 0; slot < count; slot++) {
    if (!there.has(slot)) return workerMissing(slot, limits.helloMs);
  }
  return undefined;
}

/**
 * The wait is over and both still answer: the link between them is broken. Who goes is the one with most broken links; then the lower
 * round; then who joined last.
 */
function brokenLink(
  nowMs: number,
  state: MembershipState,
  { limits }: MembershipOptions,
): { worker: WorkerRecord; error: FtctlErrorJson } | undefined {
  const due = state.accusations.find(({ sinceMs }) => nowMs - sinceMs > limits.toleranceMs);
  if (due === undefined || openGeneration(state) === undefined) return undefined;
  const [accuser, accused] = [state.workers.get(due.accuser), state.workers.get(due.accused)];
  if (accuser === undefined || accused === undefined) return undefined;
  if (accuser.life === 'gone' || accused.life === 'gone') return undefined;
  const worker = worseConnected(state, accuser, accused);
  const ranks = {
    ...{ accuser: rankOf(state, accuser), accused: rankOf(state, accused) },
    worst: rankOf(state, worker),
  };
  return { worker, error: workersDisconnected(accuser, accused, ranks, due.cause) };
}

function worseConnected(
  state: MembershipState,
  accuser: WorkerRecord,
  accused: WorkerRecord,
): WorkerRecord {
  const numBroken = ({ hello }: WorkerRecord): number => {
    const others = state.accusations.flatMap((each) => {
      if (each.accuser === hello.incarnation) return [each.accused];
      return each.accused === hello.incarnation ? [each.accuser] : [];
    });
    return new Set(others).size;
  };
  const order = [...state.workers.keys()];
  const place = ({ hello }: WorkerRecord): number => order.indexOf(hello.incarnation);
  const difference =
    numBroken(accuser) - numBroken(accused) ||
    accused.round - accuser.round ||
    place(accuser) - place(accused);
  return difference > 0 ? accuser : accused;
}

/** All members wait, nobody computes, and no round ends: a message was lost for good. */
function deadlock(
  nowMs: number,
  state: MembershipState,
  { limits }: MembershipOptions,
): FtctlErrorJson | undefined {
  if (state.phase.name !== 'running') return undefined;
  const members = liveMembers(state, state.phase.generation);
  const stuck = members.every(
    ({ stage, stageSinceMs }) =>
      waitingStages.has(stage) && nowMs - stageSinceMs > limits.prepareMs,
  );
  if (!stuck) return undefined;
  const ranks = members.map((worker) => rankOf(state, worker));
  return nobodyGetsOn(ranks, Math.min(...members.map(({ round }) => round)), limits.prepareMs);
}

/** A state that nobody could give, and nobody has announced since. While rounds go on, others still may. */
function lostCopy(
  nowMs: number,
  state: MembershipState,
  { limits }: MembershipOptions,
): Copy | undefined {
  return state.copies.find(
    (copy) =>
      copy.path === null &&
      copy.holders.length === 0 &&
      copy.problem !== null &&
      nowMs - copy.problem.sinceMs > limits.toleranceMs &&
      (state.phase.name === 'storing' || nobodyElse(state, copy)),
  );
}

/** Who has announced a state and cannot give it is of no use: the others come to that state again, without it. */
function withoutCopy(
  nowMs: number,
  state: MembershipState,
  copy: Copy,
  options: MembershipOptions,
): MembershipDecision {
  const { error } = copy.problem!;
  const holder = liveWorkers(state).find((w) => copy.failedHolders.includes(w.hello.incarnation));
  return holder === undefined || state.failure !== null
    ? fail(state, error)
    : gone(nowMs, state, holder, error, options);
}

/** The generation that reports may be about: the one that runs, or the one that is being started. */
function openGeneration({ phase }: MembershipState): Generation | undefined {
  if (phase.name === 'running' || phase.name === 'committing') return phase.generation;
  return phase.name === 'preparing' && phase.purpose !== 'stop' ? phase.generation : undefined;
}
