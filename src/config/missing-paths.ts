import { isNpm } from './paths.js';
import type { RunSpec } from './run-spec.js';

/**
 * Files and folders that a configuration names and that are not there, as sentences: it is valid, and a launch of it here
 * would be refused. `isThere` is asked of each path.
 */
export async function missingPaths(
  { data, model }: Pick<RunSpec, 'data' | 'model'>,
  isThere: (path: string) => Promise<boolean>,
): Promise<string[]> {
  const named: [key: string, path: string | null][] = [
    ['data.source', isNpm(data.source) ? null : data.source],
    ['data.rules', data.rules],
    ['data.classNames', data.classNames],
    ['model.weights', isNpm(model.weights) || model.weights === 'random' ? null : model.weights],
  ];
  const missing: string[] = [];
  for (const [key, path] of named) {
    if (path !== null && !(await isThere(path))) missing.push(`${key}: ${path} does not exist.`);
  }
  return missing;
}
