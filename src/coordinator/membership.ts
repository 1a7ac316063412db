import type { FtctlErrorJson } from '../errors/index.js';
import type { WorkerMessage } from '../rpc/control-messages.js';
import { admit, agree, prepareStart, promised, regroup } from './agreement.js';
import { noteCopy, notStored, stopWithStored, stored } from './copies.js';
import {
  after,
  decided,
  fail,
  ignored,
  liveMembers,
  liveWorkers,
  rankOf,
  readyWorkers,
  release,
  withWorker,
} from './decision.js';
import { isDecidedByAll, roundDiverged, workerFailed, workerLost } from './failures.js';
import { accuse, gone, judge } from './judgement.js';
import { deliver, emptyLedger } from './ledger.js';
import type {
  MembershipDecision,
  MembershipEvent,
  MembershipOptions,
  MembershipState,
  WorkerRecord,
} from './membership-state.js';

/** The state of a coordinator that has just started. */
export function initialMembership(nowMs: number, options: MembershipOptions): MembershipState {
  return {
    phase: { name: 'gathering', sinceMs: nowMs },
    workers: new Map(),
    committed: null,
    lastNumber: 0,
    failure: null,
    accusations: [],
    numNotGiven: 0,
    copies: [],
    ledger: emptyLedger(options.earlierLedger),
    lastTickMs: nowMs,
  };
}

/**
 * What the coordinator does about `event`: all of its decisions, with no I/O and no clock of its own. Effects are
 * carried out in order. After the run has ended every event is ignored.
 */
export function decide(
  nowMs: number,
  state: MembershipState,
  event: MembershipEvent,
  options: MembershipOptions,
): MembershipDecision {
  if (state.phase.name === 'ended') return ignored(state, 'The run has ended.');
  switch (event.type) {
    case 'message':
      return onMessage(nowMs, state, event.from, event.message, options);
    case 'lost':
      return onLost(nowMs, state, event, options);
    case 'stop':
      return onStop(nowMs, state, event.mode, options);
    case 'recorded':
      return onRecorded(nowMs, state, event.generation, options);
    case 'stored':
      return stored(state, event);
    case 'not-stored':
      return notStored(nowMs, state, event);
    case 'trouble':
      return fail(state, event.error);
    case 'tick':
      return judge(nowMs, state, options);
  }
}

function onMessage(
  nowMs: number,
  before: MembershipState,
  from: string,
  message: WorkerMessage,
  options: MembershipOptions,
): MembershipDecision {
  if (message.type === 'hello') return admit(nowMs, before, message, options);
  const known = before.workers.get(from);
  if (known === undefined || known.life === 'gone') {
    return ignored(before, `A message of ${from}, which is no worker of this run.`);
  }
  const state = withWorker(before, known, { lastHeardMs: nowMs });
  const worker = state.workers.get(from)!;
  switch (message.type) {
    case 'ready':
      return onReady(nowMs, state, worker, options);
    case 'stage':
      return decided(noteProgress(nowMs, state, worker, message), 'stage', 'A sign of life.');
    case 'prepared':
      return promised(nowMs, state, worker, message, options);
    case 'round':
      return onRound(nowMs, state, worker, message.report);
    case 'snapshot':
      return noteCopy(nowMs, state, worker, message);
    case 'peer-lost':
      return accuse(nowMs, state, worker, message);
    case 'failed':
      // What all come to alike, and would come to again, is no loss of one worker.
      if (isDecidedByAll(message.error)) return fail(state, message.error);
      return onFailed(nowMs, state, worker, message.error, options);
  }
}

function onReady(
  nowMs: number,
  state: MembershipState,
  worker: WorkerRecord,
  options: MembershipOptions,
): MembershipDecision {
  const next = withWorker(state, worker, { life: 'ready', stage: 'ready', stageSinceMs: nowMs });
  if (state.phase.name === 'running') return regroup(nowMs, next, options, joined(worker));
  const numReady = readyWorkers(next).length;
  // A run that has begun goes on with those who are there; others may join later.
  const needed = state.committed === null ? options.count : liveWorkers(next).length;
  if (state.phase.name !== 'gathering' || numReady < needed) {
    return decided(next, 'waiting', `${numReady} of ${needed} workers are ready.`);
  }
  return prepareStart(nowMs, next, options);
}

function noteProgress(
  nowMs: number,
  state: MembershipState,
  worker: WorkerRecord,
  { stage, round }: { stage: string; round: number },
): MembershipState {
  const same = worker.stage === stage && worker.round === round;
  return same ? state : withWorker(state, worker, { stage, round, stageSinceMs: nowMs });
}

/**
 * A worker cannot go on. Where it could not get the state from those who have it, the fault may be its own or theirs: the first time it is
 * taken for its own; the second time without a round in between, those who have the state go too, and the others do without it.
 */
function onFailed(
  nowMs: number,
  state: MembershipState,
  worker: WorkerRecord,
  given: FtctlErrorJson,
  options: MembershipOptions,
): MembershipDecision {
  const error = workerFailed(worker, rankOf(state, worker), given);
  const { phase } = state;
  if (given.code !== 'FT_STATE_NOT_GIVEN' || phase.name !== 'running') {
    return gone(nowMs, state, worker, error, options);
  }
  const noted = { ...state, numNotGiven: state.numNotGiven + 1 };
  let decision = gone(nowMs, noted, worker, error, options);
  if (state.numNotGiven === 0) return decision;
  for (const holder of liveMembers(state, phase.generation)) {
    const isHolder = phase.holders.includes(holder.hello.address);
    if (holder === worker || !isHolder) continue;
    const { effects } = decision;
    const cause = workerFailed(holder, rankOf(state, holder), given);
    decision = after(effects, gone(nowMs, decision.state, holder, cause, options));
  }
  return decision;
}

function onRound(
  nowMs: number,
  state: MembershipState,
  worker: WorkerRecord,
  report: Extract<WorkerMessage, { type: 'round' }>['report'],
): MembershipDecision {
  const { committed } = state;
  const member = committed?.members.find((m) => m.incarnation === worker.hello.incarnation);
  if (committed === null || member === undefined || !sameId(report.generation, committed.id)) {
    return ignored(state, 'A report of a generation that is not the committed one.');
  }
  const delivery = deliver(state.ledger, member.rank, report);
  if (delivery.outcome === 'diverged') {
    return fail(state, roundDiverged(report.round, member.rank, delivery.ranks));
  }
  const progressed = noteProgress(nowMs, state, worker, {
    stage: worker.stage,
    round: report.round,
  });
  const next = { ...progressed, ledger: delivery.ledger };
  if (delivery.outcome === 'again') return decided(next, 'again', 'A round that is known.');
  return decided({ ...next, numNotGiven: 0 }, 'round', `Round ${report.round} was applied.`, [
    { type: 'record-round', entry: delivery.entry },
  ]);
}

function onLost(
  nowMs: number,
  state: MembershipState,
  { incarnation, cause }: { readonly incarnation: string; readonly cause: string },
  options: MembershipOptions,
): MembershipDecision {
  const worker = state.workers.get(incarnation);
  if (worker === undefined || worker.life === 'gone') {
    return ignored(state, `${incarnation} is no worker of this run.`);
  }
  const error = workerLost(worker, rankOf(state, worker), cause);
  return gone(nowMs, state, worker, error, options);
}

function onStop(
  nowMs: number,
  state: MembershipState,
  mode: 'graceful' | 'now',
  options: MembershipOptions,
): MembershipDecision {
  const { phase } = state;
  if (mode === 'now') return release(state, { status: 'stopped', final: null }, 'Stopped at once.');
  const isEnding = phase.name === 'storing' || phase.name === 'ended';
  if (isEnding || (phase.name === 'preparing' && phase.purpose === 'stop')) {
    return ignored(state, 'The run is ending already.');
  }
  if (state.committed === null) {
    return release(state, { status: 'stopped', final: null }, 'Stopped before the first round.');
  }
  if (readyWorkers(state).length === 0) return stopWithStored(state);
  return agree(nowMs, state, options, { purpose: 'stop', reason: 'a stop was asked for' });
}

function onRecorded(
  nowMs: number,
  state: MembershipState,
  id: { readonly term: number; readonly number: number },
  options: MembershipOptions,
): MembershipDecision {
  const { phase } = state;
  if (phase.name !== 'committing' || !sameId(phase.generation.id, id)) {
    return ignored(state, 'That commit is past.');
  }
  const { generation, state: from, holders } = phase;
  const running: MembershipState = {
    ...{ ...state, committed: generation },
    phase: { name: 'running', generation, holders },
  };
  // Nobody has been told yet: what has changed meanwhile needs another one at once.
  const missing = generation.members.find(
    ({ incarnation }) => state.workers.get(incarnation)?.life === 'gone',
  );
  if (missing !== undefined) {
    return regroup(nowMs, running, options, `worker ${missing.rank} was lost`);
  }
  const isMember = new Set(generation.members.map(({ incarnation }) => incarnation));
  const newcomer = readyWorkers(state).find(({ hello }) => !isMember.has(hello.incarnation));
  if (newcomer !== undefined) return regroup(nowMs, running, options, joined(newcomer));
  return decided(
    running,
    'committed',
    `Generation ${id.term}.${id.number} goes on from round ${from.round}.`,
    generation.members.map(({ incarnation }) => ({
      type: 'send',
      to: incarnation,
      message: { type: 'commit', generation, state: from, holders },
    })),
  );
}

function joined({ hello }: WorkerRecord): string {
  return `worker ${hello.slot} has joined`;
}

function sameId(
  a: { readonly term: number; readonly number: number },
  b: { readonly term: number; readonly number: number },
): boolean {
  return a.term === b.term && a.number === b.number;
}
