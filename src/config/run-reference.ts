/** Another run's trained weights, as `model.weights` names them: `run:ID`, `run:ID@best` or `run:ID@final`. */
export interface RunReference {
  /** The run's id, the start of it, or the path of its folder (with a separator). */
  readonly run: string;
  /** Of the epoch with the best score, or as the run ended. */
  readonly state: 'best' | 'final';
}

const pattern = /^run:(.+?)(?:@(best|final))?$/s;

/** Whether `model.weights` means a run's weights, well written or not. */
export function isRunReference(weights: string): boolean {
  return weights.startsWith('run:');
}

/** Null for what is no reference, or a malformed one. An `@` may stand in a path, and in no id. */
export function runReference(weights: string): RunReference | null {
  const [, run, state = 'best'] = pattern.exec(weights) ?? [];
  if (run === undefined || (!isPath(run) && run.includes('@'))) return null;
  return { run, state: state === 'final' ? 'final' : 'best' };
}

function isPath(run: string): boolean {
  return /[/\\]/.test(run);
}

/** The same with an absolute path, where it has one. */
export function resolvedRunReference(weights: string, resolve: (path: string) => string): string {
  const reference = runReference(weights);
  if (reference === null || !isPath(reference.run)) return weights;
  const { run, state } = reference;
  return `run:${resolve(run)}${state === 'best' ? '' : `@${state}`}`;
}
