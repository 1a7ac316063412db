import type { z } from 'zod';
import { FtctlError, type ErrorCode } from '../errors/index.js';
import { formatPath, parsePath, show, valueAt, type KeyPath } from './key-path.js';
import {
  allowed,
  describeKeys,
  keysOf,
  keysOfType,
  schemaAt,
  type SchemaNode,
  typesWith,
} from './reference.js';
import { nearest } from './suggest.js';

/** One thing that is wrong with a configuration. Sentences for the user; `what` starts with the path. */
export interface Problem {
  readonly code: ErrorCode;
  readonly path: KeyPath;
  readonly what: string;
  readonly why?: string;
  readonly remedy?: string;
  readonly details?: FtctlError['details'];
}

/** Says where a path was written: `run.yaml:12:3`, or `--set batch.size=64`. */
export type Locate = (path: KeyPath) => string;

/** Of whoever checks a configuration without its text: {@link locatedError} puts the lines in. */
export const noLines: Locate = () => 'The configuration';

/** A problem as it is told: one entry of an error's `details.problems`. */
export interface Fault {
  readonly code: ErrorCode;
  /** Formatted; empty where it is about no one key. */
  readonly path: string;
  readonly message: string;
  /** Absent: the catalogue's. */
  readonly remedy?: string;
  readonly details?: FtctlError['details'];
}

export function faultOf(
  { code, path, what, why, remedy, details }: Problem,
  locate: Locate,
): Fault {
  return {
    ...{ code, path: formatPath(path) },
    message: `${locate(path)}: ${why === undefined ? what : `${what} ${why}`}`,
    ...(remedy === undefined ? {} : { remedy }),
    ...(details === undefined ? {} : { details }),
  };
}

/** The faults that an error is about: those that {@link faultsError} put into it, else the error itself. */
export function faultsOf({ code, message, remedy, details }: FtctlError): readonly Fault[] {
  const problems = details?.['problems'];
  if (Array.isArray(problems)) return problems as readonly Fault[];
  return [{ code, path: '', message, remedy, ...(details === undefined ? {} : { details }) }];
}

/** The error for a list of faults (not empty): the first one in full with its details, and all of them in `details.problems`. */
export function faultsError(faults: readonly Fault[]): FtctlError {
  const first = faults[0]!;
  return new FtctlError(first.code, {
    what: first.message,
    ...(first.remedy === undefined ? {} : { remedy: first.remedy }),
    details: { ...first.details, problems: faults },
  });
}

/**
 * The same error with the lines of the configuration, where it was told without them ({@link noLines}): what depends on the data or on a
 * network is found by processes that have not read the file. Any other error is given back as it is.
 */
export function locatedError(error: FtctlError, locate: Locate): FtctlError {
  const { problems } = error.details ?? {};
  if (!Array.isArray(problems)) return error;
  const prefix = `${noLines([])}: `;
  const faults = (problems as readonly Fault[]).map((fault) =>
    fault.path === '' || !fault.message.startsWith(prefix)
      ? fault
      : {
          ...fault,
          message: `${locate(parsePath(fault.path))}: ${fault.message.slice(prefix.length)}`,
        },
  );
  const { message, details } = faultsError(faults);
  return new FtctlError(error.code, {
    what: message,
    remedy: error.remedy,
    cause: error.cause,
    details: { ...error.details, ...details },
    ...(error.rank === undefined ? {} : { rank: error.rank }),
    ...(error.phase === undefined ? {} : { phase: error.phase }),
  });
}

/** {@link faultsError} of problems. */
export function problemsError(problems: readonly Problem[], locate: Locate): FtctlError {
  return faultsError(problems.map((problem) => faultOf(problem, locate)));
}

/**
 * What zod found, as problems: unknown keys first, since a key that seems to be missing is often one that was
 * misspelt; where that is so, only the misspelling is told.
 */
export function structuralProblems(
  issues: readonly z.core.$ZodIssue[],
  document: unknown,
): Problem[] {
  const pathOf = (issue: z.core.$ZodIssue): KeyPath =>
    issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  const unknown = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey([...pathOf(issue), key], document))
      : [],
  );
  const values = issues
    .filter((issue) => issue.code !== 'unrecognized_keys')
    .map((issue) => valueProblem(pathOf(issue), issue, document));
  const misspelt = new Set(unknown.map(({ remedy }) => remedy));
  return [...unknown, ...values.filter(({ path }) => !misspelt.has(didYouMean(formatPath(path))))];
}

function didYouMean(name: string): string {
  return `Did you mean ${name}?`;
}

/** A key that must be there is not. */
export function missingKey(path: KeyPath): Problem {
  const node = schemaAt(path) ?? {};
  const name = formatPath(path);
  return {
    code: 'FT_CONFIG_MISSING_KEY',
    path,
    what: `${name} is missing.`,
    why: 'It has no default.',
    remedy: `Add ${name} (${allowed(node)}). ${node.description ?? ''}`.trim(),
  };
}

function valueProblem(path: KeyPath, issue: z.core.$ZodIssue, document: unknown): Problem {
  const value = valueAt(document, path);
  const node = schemaAt(path) ?? {};
  const name = formatPath(path);
  if (value === undefined) return missingKey(path);
  const actual = `${name} is ${show(value)}.`;
  const unsupported = node['x-unsupported'];
  if (unsupported !== undefined && typeof value === 'string') {
    return {
      code: 'FT_CONFIG_UNSUPPORTED',
      path,
      what: actual,
      why: unsupported,
      remedy: `Set ${name} to ${allowed(node)}.`,
    };
  }
  const why = issue.code === 'custom' ? issue.message : `It must be ${allowed(node)}.`;
  const meant = typeof value === 'string' ? nearest(value, words(node)) : undefined;
  return {
    code: 'FT_CONFIG_INVALID_VALUE',
    path,
    what: actual,
    why,
    ...(meant === undefined ? {} : { remedy: didYouMean(meant) }),
  };
}

function words(node: SchemaNode): string[] {
  const own = [...(node.enum ?? []), node.const].filter((word) => typeof word === 'string');
  return [...own, ...(node.anyOf ?? node.oneOf ?? []).flatMap(words)];
}

/** `a`, `b` and `c`. */
function listed(words: readonly string[], join = 'and'): string {
  const [last, ...others] = words.map((word) => `\`${word}\``).toReversed();
  return others.length === 0 ? last! : `${others.toReversed().join(', ')} ${join} ${last!}`;
}

/** What PyTorch and torchvision's transforms call it, and what it is called here. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['scale', 'area'],
  ['p', 'probability'],
  ['lr', 'learningRate'],
  ['eps', 'epsilon'],
  ['eta_min', 'minRate'],
  ['min_lr', 'minRate'],
  ['T_max', 'epochs'],
  ['start_factor', 'factor'],
  ['total_iters', 'epochs'],
  ['params', 'match'],
]);

/** The problem of a key that does not exist, with the key that was probably meant. */
export function unknownKey(path: KeyPath, document: unknown): Problem {
  const parent = path.slice(0, -1);
  const key = String(path.at(-1));
  const node = schemaAt(parent) ?? {};
  const base = { code: 'FT_CONFIG_UNKNOWN_KEY', path } as const;
  if (keysOf(node).includes(key)) {
    // A key of another alternative of the group, such as stepSize beside `type: constant`.
    const typePath = [...parent, 'type'];
    const type = valueAt(document, typePath) ?? schemaAt(typePath)?.default;
    const others = typesWith(node, key);
    return {
      ...base,
      what: `${formatPath(path)} does not apply to ${formatPath(typePath)}: ${show(type)}.`,
      why: `It is a key of ${listed(others)}.`,
      remedy: `Remove ${formatPath(path)}, or set ${formatPath(typePath)} to ${listed(others, 'or')}.`,
    };
  }
  return {
    ...base,
    what: `${formatPath(path)} is not a configuration key.`,
    remedy: keyRemedy(parent, key, document),
  };
}

/** What was meant by `key`, by its likeness, first to the keys of the group's type; or what there is to choose from. */
function keyRemedy(parent: KeyPath, key: string, document: unknown): string {
  const node = schemaAt(parent) ?? {};
  const own = keysOfType(node, valueAt(document, [...parent, 'type']));
  const synonym = synonyms.get(key);
  const sibling = synonym !== undefined && own.includes(synonym) ? synonym : nearest(key, own);
  if (sibling !== undefined) return didYouMean(formatPath([...parent, sibling]));
  const other = nearest(key, keysOf(node));
  if (other !== undefined) {
    return `${formatPath([...parent, other])} is a key of ${listed(typesWith(node, other))}.`;
  }
  const elsewhere = describeKeys().find((row) => row.key.split('.').at(-1) === key)?.key;
  if (elsewhere !== undefined) return didYouMean(elsewhere);
  const place = parent.length === 0 ? 'at the top' : `in ${formatPath(parent)}`;
  return own.length > 0
    ? `The keys ${place} are: ${own.join(', ')}.`
    : `${formatPath(parent)} has no keys: it is ${allowed(node)}.`;
}
