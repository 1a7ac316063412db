import { relative } from 'node:path';
import { FtctlError } from '../errors/index.js';
import type { LedgerDifference } from '../launch/verify/ledger-difference.js';
import type { DifferentStates } from '../launch/verify/run-difference.js';
import type { ComparedValue } from '../launch/verify/state-difference.js';
import type { Verification, VerifiedRun } from '../launch/verify/verify.js';
import { shorter } from './progress/summary.js';
import { duration, plural } from './progress/words.js';
import { aligned, tail } from './table-cells.js';

/** Digits of a digest that tell any two apart. */
const shortDigest = 12;
/** Narrower than this the names of the runs are cut. */
const minNameColumns = 12;

/** `3 workers: digest 4f2a..., 26 s`: what is told of a run that has ended. Pure. */
export function runLine({ workers, digest, wallSeconds }: VerifiedRun): string {
  return `${plural(workers, 'worker')}: digest ${digest.slice(0, shortDigest)}..., ${duration(wallSeconds * 1000)}`;
}

/** Where a report is shown. `columns` of the terminal: infinite for a file or a pipe. */
export interface VerifyContext {
  readonly cwd: string;
  readonly columns: number;
}

/** The runs as a table, and what the comparison has shown. Pure. */
export function verifyLines(found: Verification, { cwd, columns }: VerifyContext): string[] {
  const { runs, dir, difference } = found;
  const place = `  runs    ${shorter(dir, cwd)}`;
  if (difference === null) {
    return [
      ...runsTable(found, columns),
      '',
      `equal digests for ${listed(runs.map(({ workers }) => String(workers)))} workers`,
      `  digest  ${runs[0]?.digest ?? ''}`,
      place,
    ];
  }
  return [
    ...runsTable(found, columns),
    '',
    `different digests with ${namesOf(difference.workers).join(' and ')}`,
    ...roundLines(difference.round),
    ...stateLines(difference.state, difference.workers),
    place,
  ];
}

/** FT_VERIFY_DIFFERS with all that is known of the difference. */
export function differsError(found: Verification): FtctlError {
  const { difference, dir, runs } = found;
  const [first] = runs;
  const others = runs.filter(({ digest }) => digest !== first?.digest);
  const which = listed(others.map(({ workers }) => String(workers)));
  const many = others.length > 1 || others[0]?.workers !== 1;
  return new FtctlError('FT_VERIFY_DIFFERS', {
    what: `The digest with ${which} ${many ? 'workers' : 'worker'} is not that with ${plural(first?.workers ?? 0, 'worker')}.`,
    ...(difference === null
      ? {}
      : { why: `${roundWords(difference.round)} ${stateWords(difference.state)}` }),
    details: { dir, runs, difference },
  });
}

function roundWords(round: LedgerDifference | null): string {
  return round === null
    ? 'The sums of all rounds are the same.'
    : `The first round that differs is ${round.round} (${placeOf(round)}).`;
}

function stateWords(state: DifferentStates | null): string {
  return state === null
    ? 'No states of both runs could be compared.'
    : `The first tensor is ${tensorOf(state)} in ${state.file}.`;
}

function roundLines(round: LedgerDifference | null): string[] {
  if (round === null) return ['  round   none: the sums of all rounds are the same'];
  const missing = round.hashes.includes(null) ? ', which one of them does not have' : '';
  return [`  round   ${round.round}: ${placeOf(round)}${missing}`];
}

function stateLines(state: DifferentStates | null, workers: readonly [number, number]): string[] {
  if (state === null) return ['  tensor  no states of both runs could be compared'];
  const names = namesOf(workers);
  const width = Math.max(...names.map(({ length }) => length));
  const { file, rounds } = state;
  const at = rounds[0] === rounds[1] ? `round ${rounds[0]}` : `rounds ${rounds.join(' and ')}`;
  return [
    `  tensor  ${tensorOf(state)}`,
    `  state   ${file}, ${at}`,
    ...state.values.map((value, index) => `  ${names[index]!.padEnd(width)}  ${valueOf(value)}`),
  ];
}

/** Phases, epochs and steps count from 1 for people. */
function placeOf({ kind, phase, epoch, step, split }: LedgerDifference): string {
  const where = `epoch ${epoch + 1}, phase ${phase + 1}`;
  if (kind === 'step') return `step ${step + 1} of ${where}`;
  return kind === 'evaluate' ? `evaluation on ${split} in ${where}` : `start of phase ${phase + 1}`;
}

function tensorOf({ vector, name, index }: DifferentStates): string {
  const place = index === null ? name : `${name}[${index.join(', ')}]`;
  return vector === null ? place : `${place} of ${vector}`;
}

function valueOf(value: ComparedValue): string {
  return value === null ? 'not there' : `${value.text} (bits ${value.bits})`;
}

function namesOf(workers: readonly number[]): string[] {
  return workers.map((count) => plural(count, 'worker'));
}

/** `1, 2 and 3` */
function listed(words: readonly string[]): string {
  return words.length < 2
    ? words.join('')
    : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`;
}

/** As wide as `columns` allow: a narrow one goes without the steps, and cuts the names of the runs. */
function runsTable({ runs, dir }: Verification, columns: number): string[] {
  const rows = (hasSteps: boolean): string[][] => [
    ['WORKERS', 'DIGEST', 'EQUAL', ...(hasSteps ? ['STEPS'] : []), 'TOOK', 'RUN'],
    ...runs.map((run) => [
      String(run.workers),
      run.digest.slice(0, shortDigest),
      run.digest === runs[0]?.digest ? 'yes' : 'no',
      ...(hasSteps ? [String(run.steps)] : []),
      duration(run.wallSeconds * 1000),
      relative(dir, run.runDir),
    ]),
  ];
  const wide = aligned(rows(true));
  if (wide.every(({ length }) => length <= columns)) return wide;
  const narrow = rows(false);
  const names = Math.max(...narrow.map((row) => row.at(-1)!.length));
  const others = Math.max(...aligned(narrow).map(({ length }) => length)) - names;
  const left = Math.max(columns - others, minNameColumns);
  return aligned(narrow.map((row) => [...row.slice(0, -1), tail(row.at(-1)!, left)]));
}
