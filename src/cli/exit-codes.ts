import type { ExitCode } from '../errors/index.js';

/** The one table of exit codes; `ftctl --help` shows it. */
export const exitCodes: readonly { readonly code: ExitCode; readonly meaning: string }[] = [
  { code: 0, meaning: 'finished' },
  { code: 1, meaning: 'a bug of ftctl' },
  { code: 2, meaning: 'usage or configuration' },
  { code: 3, meaning: 'data or weights' },
  {
    code: 4,
    meaning:
      'training failed (loss not finite, too few workers, a worker or the coordinator lost for good)',
  },
  { code: 5, meaning: 'environment (port, disk, engine)' },
  { code: 130, meaning: 'interrupted; a run then has a checkpoint' },
];
