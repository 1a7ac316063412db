import { FtctlError } from '../errors/index.js';
import { toDocument } from './document.js';
import { formatPath, show, valueAt, type KeyPath } from './key-path.js';
import type { RunSpec } from './run-spec.js';

/** What a resumed run may have otherwise: nothing of it changes a trained bit. */
const free = new Set([
  ...['name', 'workers', 'tolerance', 'cache', 'checkpoint', 'metrics', 'security'],
]);

interface Difference {
  readonly path: KeyPath;
  readonly before: unknown;
  readonly now: unknown;
}

/**
 * Checks that a run that was made with `before` may go on with `now`. Free are the run's name, workers, tolerance, cache,
 * checkpoint cadence, addresses and engine threads, and the last phase may get more epochs. Throws
 * FT_RESUME_MISMATCH that names every other difference with both values.
 */
export function checkResumable(before: RunSpec, now: RunSpec): void {
  const lastPhase = formatPath(['phases', before.phases.length - 1]);
  const lastEpochs = `${lastPhase}.epochs`;
  const differences = differencesOf(toDocument(before), toDocument(now), []).filter(
    ({ path, before: old, now: young }) => {
      const name = formatPath(path);
      if (free.has(String(path[0])) || name === 'engine.threads') return false;
      if (name !== lastEpochs) return true;
      return Number(young) < Number(old);
    },
  );
  if (differences.length === 0) return;
  const list = differences.map(
    (d) => `${formatPath(d.path)} was ${show(d.before)} and is now ${show(d.now)}`,
  );
  throw new FtctlError('FT_RESUME_MISMATCH', {
    what: `The run cannot go on: ${list.join('; ')}.`,
    why:
      formatPath(differences[0]!.path) === lastEpochs
        ? 'The last phase may get more epochs, not fewer.'
        : 'Only workers, tolerance, engine.threads, cache, checkpoint, metrics, security, name and more epochs in the last phase may differ.',
    ...cosineRemedy(differences, `${lastPhase}.schedule.epochs`),
    details: {
      differences: differences.map((d) => ({ ...d, path: formatPath(d.path) })),
    },
  });
}

/** A cosine takes the epochs of its phase where it is given none of its own, and is another one in a longer phase. */
function cosineRemedy(differences: readonly Difference[], key: string): { remedy?: string } {
  const cosine = differences.find(({ path, before }) => formatPath(path) === key && before != null);
  if (cosine === undefined || differences.length > 1) return {};
  return {
    remedy: `Set ${key} to ${show(cosine.before)}, as it was; the learning rate rises again after them.`,
  };
}

/** The leaves that differ; lists of different length differ as a whole. */
function differencesOf(before: unknown, now: unknown, path: KeyPath): Difference[] {
  if (isGroup(before) && isGroup(now) && sameShape(before, now)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    return keys.flatMap((key) => {
      const part = Array.isArray(before) ? Number(key) : key;
      return differencesOf(valueAt(before, [key]), valueAt(now, [key]), [...path, part]);
    });
  }
  return JSON.stringify(before) === JSON.stringify(now) ? [] : [{ path, before, now }];
}

/** Lists of numbers (betas, ranges) are values, not groups. */
function sameShape(before: object, now: object): boolean {
  if (!Array.isArray(before) || !Array.isArray(now))
    return Array.isArray(before) === Array.isArray(now);
  return before.length === now.length && before.every((entry) => isGroup(entry));
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
