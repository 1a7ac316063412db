import { isRemote } from './paths.js';
import type { ModelSpec, RunSpec } from './run-spec.js';
import { isWeightsPath } from './weights-reference.js';

/**
 * Files and folders that a configuration names and that are not there, as sentences: it is valid, and a launch of it here
 * would be refused. `isThere` is asked of each path.
 */
export async function missingPaths(
  { data, model }: Pick<RunSpec, 'data' | 'model'>,
  isThere: (path: string) => Promise<boolean>,
): Promise<string[]> {
  const named: [key: string, path: string | null][] = [
    ['data.source', isRemote(data.source) ? null : data.source],
    ['data.rules', data.rules],
    ['data.classNames', data.classNames],
    modelPath(model),
  ];
  const missing: string[] = [];
  for (const [key, path] of named) {
    if (path !== null && !(await isThere(path))) missing.push(`${key}: ${path} does not exist.`);
  }
  return missing;
}

function modelPath(model: ModelSpec): [key: string, path: string | null] {
  if ('onnx' in model) return ['model.onnx', model.onnx];
  return ['model.weights', isWeightsPath(model.weights) ? model.weights : null];
}
