import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { FtctlError, type ErrorCode, type FtctlErrorJson } from '../errors/index.js';
import { quoted } from '../util/shell-quote.js';
import { asTyped } from './program-name.js';

/** What a failing command prints on stdout under `--json`: the same keys every time. */
export interface FailureJson {
  readonly status: 'failed';
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly remedy: string;
    readonly rank: number | null;
    readonly phase: string | null;
    readonly details?: FtctlErrorJson['details'];
  };
  readonly runDir: string | null;
  readonly resumable: boolean;
}

export function failureJson(error: FtctlError): FailureJson {
  const { runDir, resumable, ...details } = error.details ?? {};
  return {
    status: 'failed',
    error: {
      code: error.code,
      message: error.message,
      remedy: error.remedy,
      rank: error.rank ?? null,
      phase: error.phase ?? null,
      ...(Object.keys(details).length === 0 ? {} : { details }),
    },
    runDir: typeof runDir === 'string' ? runDir : null,
    resumable: resumable === true,
  };
}

/**
 * An error for people. The first line has it all: code, what happened, where; then what to do, and the other faults of a
 * configuration, each with its own remedy. `program` starts ftctl.
 */
export function failureLines(error: FtctlError, program = 'ftctl'): string[] {
  const [first, ...more] = error.message.split('\n');
  return [
    `error ${error.code}: ${withPlace(first!, placeOf(error))}`,
    ...more,
    `  remedy: ${asTyped(error.remedy, program)}`,
    ...otherProblems(error, program),
    ...resumeHint(error, program),
  ];
}

/** What a worker does in a step or an evaluation. Other phases (`start`, `wait`, ...) say nothing that the message does not. */
const toldPhases: ReadonlySet<string> = new Set([
  'features',
  'gradients',
  'reduce',
  'update',
  'evaluate',
  'checkpoint',
]);

function placeOf({ rank, phase }: FtctlError): string {
  return [
    ...(rank === undefined ? [] : [`rank ${rank}`]),
    ...(phase === undefined || !toldPhases.has(phase) ? [] : [`phase ${phase}`]),
  ].join(', ');
}

/** `No space is left. (rank 2)`; before the colon of a list: `These files cannot be read (rank 2):`. */
function withPlace(sentence: string, place: string): string {
  if (place === '') return sentence;
  return sentence.endsWith(':') ? `${sentence.slice(0, -1)} (${place}):` : `${sentence} (${place})`;
}

/** A configuration may have several faults; the message is the first one's. */
function otherProblems({ details }: FtctlError, program: string): string[] {
  const problems = details?.['problems'];
  if (!Array.isArray(problems)) return [];
  return (problems as { code: string; message: string; remedy?: string }[])
    .slice(1)
    .flatMap(({ code, message, remedy }) => [
      `also ${code}: ${message}`,
      ...(remedy === undefined ? [] : [`  remedy: ${asTyped(remedy, program)}`]),
    ]);
}

/** What refuses the very command that the hint would name. */
const resumeRefusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'FT_RUN_IN_USE',
  'FT_RESUME_MISMATCH',
  'FT_CHECKPOINT_DAMAGED',
]);

function resumeHint({ code, details }: FtctlError, program: string): string[] {
  const { runDir, resumable } = details ?? {};
  if (typeof runDir !== 'string') return [];
  return resumable === true && !resumeRefusals.has(code)
    ? [
        `  run: ${runDir} (go on from its last checkpoint: ${program} launch --resume ${quoted(runDir)})`,
      ]
    : [`  run: ${runDir}`];
}

/**
 * A failure that ftctl did not expect as FT_INTERNAL in one line; the stack goes to a file that the remedy names.
 * An FtctlError of another code passes through.
 */
export function withStackKept(
  thrown: unknown,
  about: { readonly argv: readonly string[]; readonly now: Date },
): FtctlError {
  const error = FtctlError.from(thrown);
  if (error.code !== 'FT_INTERNAL') return error;
  const stamp = about.now.toISOString().replaceAll(/[:.]/g, '-');
  const path = join(tmpdir(), `ftctl-crash-${stamp}-${process.pid}.txt`);
  const report = [
    `ftctl ${version()}, node ${process.version}, ${process.platform}-${process.arch}`,
    `arguments: ${JSON.stringify(about.argv)}`,
    inspect(error.cause ?? error, { depth: 6 }),
    '',
  ].join('\n');
  let kept = `The stack is in ${path}.`;
  try {
    writeFileSync(path, report, { flag: 'wx', mode: 0o600 });
  } catch (failure) {
    kept = `The stack could not be kept (${(failure as Error).message}).`;
  }
  return new FtctlError('FT_INTERNAL', {
    what: error.message.split('\n')[0]!,
    remedy: `Please report this. ${kept}`,
    cause: error,
    ...(error.rank === undefined ? {} : { rank: error.rank }),
    ...(error.phase === undefined ? {} : { phase: error.phase }),
    ...(error.details === undefined ? {} : { details: error.details }),
  });
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
