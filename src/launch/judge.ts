import type { RunResult } from '../control/events.js';
import { FtctlError } from '../errors/index.js';
import { exitCause } from './exit-cause.js';
import { type EndedProcess, lostCodes, type RunFacts } from './run-facts.js';
import { roleName } from './target.js';

/** What the advice in an error depends on. */
export interface JudgedRun {
  readonly resumable: boolean;
  /** The command that starts it again where there is no checkpoint. */
  readonly again: string;
}

/**
 * What became of a run. A failure has one first cause and many effects: the processes that remain report that the
 * others are gone. So who speaks first here is who knows most: the coordinator's verdict, with the exit of the
 * process that it names; then the coordinator's own end; then a worker's.
 */
export function judge(
  facts: RunFacts,
  run: JudgedRun,
): { result: RunResult } | { error: FtctlError } {
  if (facts.result !== null) return { result: facts.result };
  return { error: failureOf(facts, run) };
}

function failureOf(facts: RunFacts, run: JudgedRun): FtctlError {
  const { failure, progress, interrupted } = facts;
  if (failure !== null) return lostWorker(facts, run) ?? FtctlError.fromJSON(failure);
  if (interrupted === 'now') return interruption('now', run);
  const last = facts.ended.findLast(
    ({ process }) => process.role === 'worker' && process.slot === facts.givenUp,
  );
  if (last !== undefined) return workerEnd(last, facts, run);
  const unasked = facts.ended.filter((end) => !end.wasAsked && !end.wasReplaced);
  const coordinator = unasked.find((end) => end.process.role === 'coordinator');
  if (coordinator !== undefined) {
    // Asked to stop before there is anything to keep, the coordinator just ends, and the workers complain.
    const hasObeyed = interrupted !== null && coordinator.exit.code === 0;
    return hasObeyed ? interruption(interrupted, run) : coordinatorEnd(coordinator, facts, run);
  }
  const worker = unasked.find((end) => end.process.role === 'worker' && isFailure(end, facts));
  if (worker !== undefined) return workerEnd(worker, facts, run);
  const { phase } = progress;
  if (facts.limit !== null) {
    return new FtctlError(phase === 'start' ? 'FT_PROCESS_START' : 'FT_COORDINATOR_LOST', {
      what: facts.limit,
      remedy: remedy('Read logs/coordinator.log in the run folder.', run),
      phase,
    });
  }
  if (interrupted !== null) return interruption(interrupted, run);
  return new FtctlError('FT_COORDINATOR_LOST', {
    what: `The connection to the coordinator broke ${progress.where}.`,
    ...(facts.watchError === null ? {} : { why: facts.watchError.message }),
    remedy: remedy('Read logs/coordinator.log in the run folder.', run),
    phase,
  });
}

/** The coordinator lost a worker: says how that process ended, if it did. */
function lostWorker(facts: RunFacts, run: JudgedRun) {
  const { failure } = facts;
  if (failure === null || !lostCodes.has(failure.code)) return undefined;
  const failures = facts.ended.filter((end) => !end.wasAsked && isFailure(end, facts));
  // One that was started in its place, and found no coordinator any more, has nothing to tell.
  const named = failures.findLast(
    (end) => rankOf(end, facts) === failure.rank && end.reported?.code !== 'FT_COORDINATOR_LOST',
  );
  // Where two workers blame each other, the dead one is the cause, whichever was named. Others ended because they
  // were told of the failure, and not by a signal.
  const killed = failures.find(
    ({ process, exit, wasReplaced }) =>
      process.role === 'worker' && exit.signal !== null && !wasReplaced,
  );
  const end = named ?? killed;
  if (end === undefined) return undefined;
  return workerEnd(end, facts, run, failure.phase);
}

function workerEnd(
  end: EndedProcess,
  facts: RunFacts,
  run: JudgedRun,
  knownPhase?: string,
): FtctlError {
  const rank = rankOf(end, facts);
  const { where } = facts.progress;
  const phase = knownPhase ?? facts.progress.phase;
  if (end.reported !== null) return FtctlError.fromJSON(end.reported).at({ rank, phase });
  const slot = end.process.role === 'worker' ? end.process.slot : -1;
  const hasJoined = facts.progress.joined.has(slot);
  const cause = causeOf(end);
  const isFrozen = end.silentForMs !== null;
  const lost = isFrozen ? 'FT_WORKER_SILENT' : 'FT_WORKER_LOST';
  return new FtctlError(hasJoined ? lost : 'FT_PROCESS_START', {
    what: hasJoined
      ? `Worker ${slot} ${cause} ${where}.`
      : `Worker ${slot} ${cause} before it joined the run.`,
    remedy: remedy(
      `${isFrozen ? 'Look for what stopped the process, or a hung disk. ' : ''}Its log is logs/worker-${String(slot)}.log in the run folder.`,
      run,
    ),
    ...(rank === undefined ? {} : { rank }),
    phase,
    details: { exit: exitDetails(end), logPath: end.logPath },
  });
}

function coordinatorEnd(end: EndedProcess, facts: RunFacts, run: JudgedRun): FtctlError {
  const { phase, where } = facts.progress;
  if (end.reported !== null) return FtctlError.fromJSON(end.reported).at({ phase });
  const couldNotStart = end.exit.startError !== undefined;
  return new FtctlError(couldNotStart ? 'FT_PROCESS_START' : 'FT_COORDINATOR_LOST', {
    what: couldNotStart
      ? `The coordinator ${causeOf(end)}.`
      : `The coordinator ${causeOf(end)} ${where}.`,
    remedy: remedy('Its log is logs/coordinator.log in the run folder.', run),
    phase,
    details: { exit: exitDetails(end), logPath: end.logPath },
  });
}

function interruption(how: 'graceful' | 'now', run: JudgedRun): FtctlError {
  const lost =
    how === 'now'
      ? 'What was done since the last checkpoint is lost.'
      : 'Its last checkpoint is as it was.';
  return new FtctlError('FT_INTERRUPTED', {
    what:
      how === 'now'
        ? 'The run was stopped at once, as asked.'
        : 'The run was stopped before its first step, as asked.',
    why: run.resumable ? lost : 'There is no checkpoint yet.',
    ...(run.resumable ? {} : { remedy: `Start it again with \`${run.again}\`.` }),
  });
}

/** A worker that was released ends with 0; before it has joined, even that is a failure. */
function isFailure(end: EndedProcess, facts: RunFacts): boolean {
  if (end.process.role !== 'worker') return true;
  return end.exit.code !== 0 || !facts.progress.joined.has(end.process.slot);
}

/** Before the first generation ranks are what they will be then: workers in the order of their slots. */
function rankOf(end: EndedProcess, facts: RunFacts): number | undefined {
  if (end.process.role !== 'worker') return undefined;
  return facts.progress.ranks.get(end.process.slot) ?? end.process.slot;
}

function causeOf(end: EndedProcess): string {
  return end.silentForMs === null
    ? exitCause(end.exit, end.tail)
    : `did not answer for ${Number((end.silentForMs / 1000).toFixed(1))} s and was killed`;
}

function exitDetails(end: EndedProcess) {
  return { process: roleName(end.process), code: end.exit.code, signal: end.exit.signal };
}

function remedy(first: string, run: JudgedRun): string {
  return run.resumable
    ? `${first} Continue from the last checkpoint with \`ftctl launch --resume RUN\`.`
    : `${first} There is no checkpoint yet: start the run again with \`${run.again}\`.`;
}
