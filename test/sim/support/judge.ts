import type { RunEnd } from '../../../src/coordinator/membership-state.js';
import { FtctlError } from '../../../src/errors/index.js';
import { numRounds, trueStates } from './fake-trainer.js';
import type { Fault } from './faults.js';
import type { History, SimulationOptions } from './history.js';

/** Everything that is wrong with a history: broken invariants, hangs, and an end that its faults do not explain. */
export function problemsOf(history: History): string[] {
  const problems = [...history.violations];
  if (history.isHung) problems.push('the run hangs');
  if (history.outcome === undefined) {
    if (!coordinatorMayDie(history)) problems.push('the run has no outcome');
    else problems.push(...problemsWithoutCoordinator(history));
    return problems;
  }
  const { end } = history.outcome;
  const causes = explain(history, end);
  if (causes !== undefined) problems.push(causes);
  problems.push(...problemsOfEvictions(history));
  if (end.status !== 'failed') problems.push(...problemsOfGoodEnd(history, end));
  else problems.push(...problemsOfSessions(history, end));
  return problems;
}

function coordinatorMayDie({ options }: History): boolean {
  return options.faults.some((f) => f.type === 'kill' && f.who === 'coordinator');
}

/** Whoever lives says that the coordinator is lost, or was ended by it before. */
function problemsWithoutCoordinator({ sessions, options }: History): string[] {
  return sessions.flatMap((end, slot) => {
    const isItself = options.faults.some((f) => 'who' in f && f.who === slot);
    const isExplained =
      isItself ||
      end === 'released' ||
      (end instanceof FtctlError && end.code === 'FT_COORDINATOR_LOST') ||
      (end instanceof FtctlError && options.faults.length > 1);
    return isExplained ? [] : [`worker ${slot} ends with ${describeEnd(end)}`];
  });
}

/** Rounds that may be applied between a stop request and the last promise: messages are late by up to 20 ms. */
const longestStop = 8;

function problemsOfGoodEnd(history: History, end: Exclude<RunEnd, { status: 'failed' }>): string[] {
  const { options, stored, sessions } = history;
  const problems: string[] = [];
  const states = trueStates(options.shape);
  const { final } = end;
  if (final !== null) {
    if (states[final.state.round] !== final.state.hash && !mayStayHidden(options)) {
      problems.push('the last state is wrong');
    }
    const onDisk = stored.get(final.kind);
    // A newer one that was given up may have been written all the same.
    const isNewer = onDisk !== undefined && onDisk.round > final.state.round;
    if (onDisk?.hash !== final.state.hash && !isNewer) {
      problems.push(`the ${final.kind} of round ${final.state.round} is not on disk`);
    }
  }
  // What only the dead had come to is done again.
  const left = history.rounds.filter((_, slot) => sessions[slot] === 'released');
  const highest = Math.max(0, ...left);
  if (end.status === 'stopped' && final !== null && final.state.round < highest) {
    problems.push(`stopped at round ${final.state.round}, but another worker is at ${highest}`);
  }
  const total = numRounds(options.shape);
  if (end.status === 'finished' && total - (history.stopAskedAtRound ?? total) > longestStop) {
    problems.push('the stop request is forgotten');
  }
  if (end.status === 'finished' && final?.state.round !== numRounds(options.shape)) {
    problems.push(`finished at round ${final?.state.round ?? 'none'}`);
  }
  sessions.forEach((session, slot) => {
    const mayFail = options.faults.some((f) => mayEnd(f, slot)) || cameTooLate(history, slot);
    if (session !== 'released' && !mayFail) {
      problems.push(`worker ${slot} ends with ${describeEnd(session)} in a ${end.status} run`);
    }
  });
  return problems;
}

/** A flipped bit shows where two workers report the round: not if there is one, or the others did not get there. */
function mayStayHidden({ faults, numWorkers }: SimulationOptions): boolean {
  return faults.some(({ type }) => type === 'flip') && (numWorkers === 1 || faults.length > 1);
}

/** The run had ended before this worker said hello. */
function cameTooLate({ events, sessions, incarnations }: History, slot: number): boolean {
  const session = sessions[slot];
  const isLost = session instanceof FtctlError && session.code === 'FT_COORDINATOR_LOST';
  const name = incarnations[slot]!;
  const hasJoined = events.some((e) => e.type === 'worker-joined' && e.incarnation === name);
  return isLost && !hasJoined;
}

/** Everyone who lives fails with the run's own error. */
function problemsOfSessions(
  history: History,
  end: Extract<RunEnd, { status: 'failed' }>,
): string[] {
  return history.sessions.flatMap((session, slot) => {
    if (history.options.faults.some((f) => mayEnd(f, slot))) return [];
    if (cameTooLate(history, slot)) return [];
    if (session === 'released' && history.numStarted[slot]! > 1) return [];
    const hasError = session instanceof FtctlError && session.code === end.error.code;
    return hasError ? [] : [`worker ${slot} ends with ${describeEnd(session)}`];
  });
}

/** Faults that hit those workers alone that they name. */
const localFaults: ReadonlySet<Fault['type']> = new Set([
  ...(['kill', 'stop-process', 'throw', 'break-link', 'reconnect', 'slow'] as const),
  ...(['stranger', 'stop-request'] as const),
]);

/** Who is well stays, whoever else is lost; and who says why it ends is heard. */
function problemsOfEvictions({ options, events }: History): string[] {
  const { faults } = options;
  const areLocal = faults.every(
    (fault) => localFaults.has(fault.type) && !('who' in fault && fault.who === 'coordinator'),
  );
  if (!areLocal) return [];
  const isNamed = (fault: Fault, slot: number): boolean => {
    if (fault.type === 'break-link') return fault.between.includes(slot);
    const isHarmless = fault.type === 'slow';
    return 'who' in fault && fault.who === slot && !isHarmless;
  };
  const lost = events.flatMap((event) => (event.type === 'worker-lost' ? [event] : []));
  const needless = lost
    .filter(({ slot }) => !faults.some((fault) => isNamed(fault, slot)))
    .map(({ slot, cause }) => `worker ${slot} is given up: ${cause}`);
  const [only] = faults;
  if (haveOneCulprit(faults) && lost.length > 1) {
    needless.push('more workers are given up than the one that all broken links have in common');
  }
  const isUnheard = faults.length === 1 && only?.type === 'throw' && lost.length > 0;
  if (isUnheard && !lost.some(({ cause }) => cause.includes('The engine broke'))) {
    needless.push(`the own error of worker ${only.who} is lost`);
  }
  return needless;
}

/** Links break, all at once, that one worker is an end of. */
function haveOneCulprit(faults: readonly Fault[]): boolean {
  const links = faults.flatMap((fault) => (fault.type === 'break-link' ? [fault] : []));
  const [first] = links;
  if (first === undefined || links.length < faults.length) return false;
  const isShared = (slot: number): boolean => links.every((link) => link.between.includes(slot));
  return first.between.some(isShared) && links.every(({ at }) => at === first.at);
}

/** Rounds had begun: from then on a run survives whatever happens to its workers. */
function hasBegun({ journal }: History): boolean {
  return journal.some(({ type }) => type === 'generation');
}

/** Whether this fault may make the worker end otherwise than the run says. */
function mayEnd(fault: Fault, slot: number): boolean {
  switch (fault.type) {
    case 'kill':
      return fault.who === slot || fault.who === 'coordinator';
    case 'stop-process':
      return fault.who === slot || fault.who === 'coordinator';
    case 'throw':
    case 'flip':
      return fault.who === slot;
    case 'break-link':
      return fault.between.includes(slot);
    case 'no-fetch':
      // Whoever cannot get a state ends too.
      return true;
    default:
      return false;
  }
}

/** undefined if the faults explain the end; else what is wrong with it. */
function explain(history: History, end: RunEnd): string | undefined {
  const { faults } = history.options;
  if (isExplained(history, end)) return undefined;
  const told =
    end.status === 'failed' ? `${end.error.code} of rank ${end.error.rank ?? 'none'}` : end.status;
  return `the run ends with ${told}, by ${JSON.stringify(faults)}`;
}

function isExplained(history: History, end: RunEnd): boolean {
  const { options } = history;
  const { faults } = options;
  if (end.status === 'finished') return !faults.some((fault) => mustFail(fault, options));
  if (end.status === 'stopped') return faults.some((f) => f.type === 'stop-request');
  // Where the coordinator is stopped for long, a worker that cannot reach another gives up by itself.
  const isJudgeAbsent = faults.some((f) => f.type === 'stop-process' && f.who === 'coordinator');
  if (isJudgeAbsent && end.error.code === 'FT_PEER_UNREACHABLE') {
    return faults.some((f) => f.type === 'break-link' && f.between.includes(end.error.rank ?? -1));
  }
  const othersCanHelp = options.numWorkers > 1 && faults.length === 1;
  const hadBegun = hasBegun(history);
  return faults.some((fault) => explains(fault, end.error, { hadBegun, othersCanHelp }));
}

/** Faults that no run may finish with. */
function mustFail(fault: Fault, { faults, numWorkers, shape }: SimulationOptions): boolean {
  switch (fault.type) {
    case 'other-fingerprint':
    case 'disk-full':
      return true;
    case 'flip':
      return faults.length === 1 && numWorkers > 1 && fault.round <= numRounds(shape);
    default:
      return false;
  }
}

function explains(
  fault: Fault,
  error: Extract<RunEnd, { status: 'failed' }>['error'],
  { hadBegun, othersCanHelp }: { readonly hadBegun: boolean; readonly othersCanHelp: boolean },
): boolean {
  const { code, rank } = error;
  switch (fault.type) {
    case 'kill':
      // A worker that never said hello is missed by its slot.
      return (
        !hadBegun &&
        rank === fault.who &&
        (code === 'FT_WORKER_LOST' || code === 'FT_WORKER_SILENT')
      );
    case 'stop-process':
      return !hadBegun && rank === fault.who && code === 'FT_WORKER_SILENT';
    case 'break-link': {
      const ranks = [...error.message.matchAll(/Workers (\d+) and (\d+)/g)].flatMap((match) => [
        Number(match[1]),
        Number(match[2]),
      ]);
      const isPair = ranks.length === 2 && fault.between.every((slot) => ranks.includes(slot));
      return !hadBegun && code === 'FT_WORKERS_DISCONNECTED' && isPair;
    }
    case 'flip':
      return code === 'FT_DIVERGED';
    case 'no-fetch':
      return code === 'FT_STATE_UNKNOWN' && !othersCanHelp;
    case 'other-fingerprint':
      return code === 'FT_FINGERPRINT_MISMATCH' && error.message.includes('engine');
    case 'disk-full':
      return code === 'FT_DISK_FULL';
    default:
      return false;
  }
}

function describeEnd(end: History['sessions'][number]): string {
  return end instanceof FtctlError ? `${end.code} (${end.message})` : end;
}
