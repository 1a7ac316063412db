import type { WorkerMessage } from '../rpc/control-messages.js';
import { admit, agree, prepareStart, promised } from './agreement.js';
import { noteCopy, notStored, stored } from './copies.js';
import { decided, fail, ignored, liveWorkers, rankOf, release, withWorker } from './decision.js';
import { roundDiverged, workerFailed, workerLost } from './failures.js';
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
      return onStop(nowMs, state, event.mode);
    case 'recorded':
      return onRecorded(state, event.generation);
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
      return gone(
        nowMs,
        state,
        worker,
        workerFailed(worker, rankOf(state, worker), message.error),
        options,
      );
  }
}

function onReady(
  nowMs: number,
  state: MembershipState,
  worker: WorkerRecord,
  options: MembershipOptions,
): MembershipDecision {
  if (state.phase.name !== 'gathering') return ignored(state, 'The run has started already.');
  const next = withWorker(state, worker, { life: 'ready', stage: 'ready', stageSinceMs: nowMs });
  const numReady = liveWorkers(next).filter(({ life }) => life === 'ready').length;
  if (numReady < options.count) {
    return decided(next, 'waiting', `${numReady} of ${options.count} workers are ready.`);
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
  const delivery = deliver(state.ledger, member.rank, committed.members.length, report);
  if (delivery.outcome === 'diverged') {
    return fail(state, roundDiverged(report.round, member.rank, delivery.ranks));
  }
  const progressed = noteProgress(nowMs, state, worker, {
    stage: worker.stage,
    round: report.round,
  });
  const next = { ...progressed, ledger: delivery.ledger };
  if (delivery.outcome === 'again') return decided(next, 'again', 'A round that is known.');
  return decided(next, 'round', `Round ${report.round} was applied.`, [
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
): MembershipDecision {
  const { phase } = state;
  if (mode === 'now') return release(state, { status: 'stopped', final: null }, 'Stopped at once.');
  switch (phase.name) {
    case 'running':
      return agree(nowMs, state, phase.generation, 'stop', 'A stop was asked for.');
    case 'gathering':
    case 'committing':
      return release(state, { status: 'stopped', final: null }, 'Stopped before the first round.');
    case 'preparing':
      return phase.purpose === 'start'
        ? release(state, { status: 'stopped', final: null }, 'Stopped before the first round.')
        : ignored(state, 'The run is being stopped already.');
    case 'storing':
    case 'ended':
      return ignored(state, 'The run is ending already.');
  }
}

function onRecorded(
  state: MembershipState,
  id: { readonly term: number; readonly number: number },
): MembershipDecision {
  const { phase } = state;
  if (phase.name !== 'committing' || !sameId(phase.generation.id, id)) {
    return ignored(state, 'That commit is past.');
  }
  const { generation, round } = phase;
  return decided(
    { ...state, committed: generation, phase: { name: 'running', generation } },
    'committed',
    `Generation ${id.term}.${id.number} goes on from round ${round}.`,
    generation.members.map(({ incarnation }) => ({
      type: 'send',
      to: incarnation,
      message: { type: 'commit', generation, round },
    })),
  );
}

function sameId(
  a: { readonly term: number; readonly number: number },
  b: { readonly term: number; readonly number: number },
): boolean {
  return a.term === b.term && a.number === b.number;
}
