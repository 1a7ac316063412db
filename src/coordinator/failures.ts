import { FtctlError, type FtctlErrorJson } from '../errors/index.js';
import type { FingerprintDifference } from './fingerprints.js';
import type { WorkerRecord } from './membership-state.js';

/** The errors that end a run, in the words that a user reads first. Each names rank, phase and cause. */

/** What a worker that is not ready yet is doing, as a phase. */
const startPhase = 'starting';

/** The phase that an error names: what the worker last said. */
export function phaseOf(worker: WorkerRecord): string {
  return worker.life === 'starting' ? startPhase : worker.stage;
}

/** The control stream broke: the process is gone, or unreachable. */
export function workerLost(worker: WorkerRecord, rank: number, cause: string): FtctlErrorJson {
  return new FtctlError('FT_WORKER_LOST', {
    what: `${name(worker)} was lost ${where(worker)}: ${cause}.`,
    remedy: `Read the end of logs/worker-${worker.hello.slot}.log and continue with \`ftctl launch --resume RUN\`.`,
    rank,
    phase: phaseOf(worker),
    details: { incarnation: worker.hello.incarnation, round: worker.round },
  }).toJSON();
}

/** Alive or not, it missed a limit. `missed` is a whole clause: `it said nothing for 10 s (limit 10 s)`. */
export function workerSilent(worker: WorkerRecord, rank: number, missed: string): FtctlErrorJson {
  return new FtctlError('FT_WORKER_SILENT', {
    what: `${name(worker)} does not get on ${where(worker)}: ${missed}.`,
    remedy: `Read the end of logs/worker-${worker.hello.slot}.log, look for a stopped process or a hung disk on ${worker.hello.host}, and continue with \`ftctl launch --resume RUN\`.`,
    rank,
    phase: phaseOf(worker),
    details: { incarnation: worker.hello.incarnation, round: worker.round },
  }).toJSON();
}

/** It never said hello. */
export function workerMissing(slot: number, limitMs: number): FtctlErrorJson {
  return new FtctlError('FT_WORKER_SILENT', {
    what: `Worker ${slot} did not connect to the coordinator within ${seconds(limitMs)}.`,
    remedy: `Read the end of logs/worker-${slot}.log: its process did not start, or cannot reach the coordinator.`,
    rank: slot,
    phase: startPhase,
  }).toJSON();
}

/** The worker said itself why it cannot go on. What all workers decide alike is nobody's fault. */
export function workerFailed(
  worker: WorkerRecord,
  rank: number,
  error: FtctlErrorJson,
): FtctlErrorJson {
  if (isDecidedByAll(error)) return error;
  return FtctlError.fromJSON(error)
    .at({ rank, phase: phaseOf(worker) })
    .toJSON();
}

/** A state could not be had of its holder. */
export function stateNotGiven(rank: number | undefined, error: FtctlErrorJson): FtctlErrorJson {
  return FtctlError.fromJSON(error).at({ rank, phase: 'checkpoint' }).toJSON();
}

/** Every worker comes to this error at the same round, and comes to it again after a resume. */
export function isDecidedByAll({ code }: FtctlErrorJson): boolean {
  return decidedByAll.has(code);
}

const decidedByAll: ReadonlySet<string> = new Set(['FT_LOSS_NOT_FINITE']);

/** Both are alive. `rank` is given where one of them is in more broken links than any other. */
export function workersDisconnected(
  accuser: WorkerRecord,
  accused: WorkerRecord,
  ranks: { accuser: number; accused: number; worst: number | undefined },
  cause: string,
): FtctlErrorJson {
  return new FtctlError('FT_WORKERS_DISCONNECTED', {
    what: `Workers ${ranks.accuser} and ${ranks.accused} are alive but the connection between them broke: ${cause}.`,
    why: `Every worker must reach every other one (${accuser.hello.address} and ${accused.hello.address}).`,
    ...(ranks.worst === undefined ? {} : { rank: ranks.worst }),
    phase: 'communicate',
  }).toJSON();
}

/** The members wait for each other, and no message is on its way. */
export function nobodyGetsOn(
  ranks: readonly number[],
  round: number,
  limitMs: number,
): FtctlErrorJson {
  return new FtctlError('FT_PROTOCOL_BROKEN', {
    what: `Workers ${ranks.join(', ')} have waited for each other for ${seconds(limitMs)} after round ${round}.`,
    phase: 'wait',
  }).toJSON();
}

/** Different bits in one round. `others` is empty when an earlier life of the run has the other bits. */
export function roundDiverged(
  round: number,
  rank: number,
  others: readonly number[],
): FtctlErrorJson {
  return new FtctlError('FT_DIVERGED', {
    what:
      others.length === 0
        ? `Round ${round} on worker ${rank} has other bits than the journal says this run had before.`
        : `Workers ${[...others, rank].sort((a, b) => a - b).join(' and ')} have different bits in round ${round}.`,
    why: 'The sum of a round has the same bits on every worker, whoever computes what.',
    ...(others.length === 0 ? { rank } : {}),
    phase: 'reduce',
    details: { round, ranks: [...others, rank].sort((a, b) => a - b) },
  }).toJSON();
}

/** Different states at one round. */
export function statesDiverged(
  round: number,
  groups: readonly { readonly hash: string; readonly who: string }[],
): FtctlErrorJson {
  return new FtctlError('FT_DIVERGED', {
    what: `States at round ${round} differ: ${groups.map((g) => `${g.who} ${g.hash.slice(0, 12)}`).join(', ')}.`,
    why: 'At one round there is one state, whoever made it.',
    phase: 'membership',
    details: { round, groups },
  }).toJSON();
}

/** Software or CPU differ. Ranks are slots: it is found before there are ranks. */
export function fingerprintMismatch(
  slots: readonly [number, number],
  difference: FingerprintDifference,
): FtctlErrorJson {
  const [first, second] = slots;
  const who =
    first === second
      ? `Worker ${first} and the one before it in its slot`
      : `Workers ${first} and ${second}`;
  return new FtctlError('FT_FINGERPRINT_MISMATCH', {
    what: `${who} differ in ${difference.part}: ${difference.left} and ${difference.right}.`,
    why: 'The bits of the result would depend on which worker computes what.',
    rank: second,
    phase: startPhase,
    details: { ...difference },
  }).toJSON();
}

/** The newcomer's error, not the run's. */
export function notAdmitted(slot: number, why: string): FtctlErrorJson {
  return new FtctlError('FT_WORKER_NOT_ADMITTED', {
    what: `The coordinator has no place for a worker in slot ${slot}.`,
    why,
    phase: startPhase,
  }).toJSON();
}

/** `1.5 s`. */
export function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}

/** By its slot, as its log is named: ranks change with every generation. */
function name(worker: WorkerRecord): string {
  return `Worker ${worker.hello.slot} (process ${worker.hello.pid} on ${worker.hello.host})`;
}

function where(worker: WorkerRecord): string {
  const phase = phaseOf(worker);
  if (worker.life !== 'starting') return `in stage ${phase} after round ${worker.round}`;
  return worker.stage === startPhase ? 'while starting' : `while starting (${worker.stage})`;
}
