import { formatPath, type KeyPath } from './key-path.js';
import type { PhaseSpec } from './phase-spec.js';
import { conflict } from './problem-parts.js';
import { noLines, problemsError, type Problem } from './problems.js';
import { nearest } from './suggest.js';

/** What phases are compared with once the data are known. */
interface DataFacts {
  readonly classNames: readonly string[];
  /** Global batches of an epoch. */
  readonly numBatches: number;
}

/** Refuses phases that do not fit to the data: FT_CONFIG_INVALID_VALUE for a class that is none, FT_CONFIG_CONFLICT. */
export function checkPhasesOnData(
  phases: readonly Pick<PhaseSpec, 'classWeights' | 'accumulate'>[],
  { classNames, numBatches }: DataFacts,
): void {
  const problems = phases.flatMap(({ classWeights, accumulate }, index) => [
    ...classProblems(classWeights, classNames, ['phases', index, 'classWeights']),
    ...accumulateProblems(accumulate, numBatches, ['phases', index, 'accumulate']),
  ]);
  if (problems.length > 0) throw problemsError(problems, noLines);
}

/** Classes that a message lists. */
const maxListed = 20;

function classProblems(
  weights: PhaseSpec['classWeights'],
  classNames: readonly string[],
  path: KeyPath,
): Problem[] {
  if (typeof weights === 'string') return [];
  const known = new Set(classNames);
  const more = classNames.length - maxListed;
  const listed = [...classNames.slice(0, maxListed), ...(more > 0 ? [`${more} more`] : [])];
  return Object.keys(weights)
    .filter((name) => !known.has(name))
    .map((name) => {
      const meant = nearest(name, classNames);
      return {
        code: 'FT_CONFIG_INVALID_VALUE',
        path: [...path, name],
        what: `${formatPath(path)} has the class ${JSON.stringify(name)}.`,
        why: `The classes of the data are ${listed.join(', ')}.`,
        remedy:
          meant === undefined
            ? 'Name a class as `ftctl data inspect` does.'
            : `Did you mean ${meant}?`,
      };
    });
}

function accumulateProblems(accumulate: number, numBatches: number, path: KeyPath): Problem[] {
  if (accumulate <= numBatches) return [];
  const batches = `${numBatches} ${numBatches === 1 ? 'batch' : 'batches'}`;
  return [
    conflict(
      path,
      `${formatPath(path)} is ${accumulate}, and an epoch has ${batches}.`,
      'An update has batches of one epoch.',
      `Set ${formatPath(path)} to at most ${numBatches}, or make batch.size smaller.`,
    ),
  ];
}
