import { FtctlError } from '../../errors/index.js';
import { readFailure } from '../../util/read-failure.js';

/** The error of a weights file that could not be read for `cause`; `path` is absolute. */
export function weightsNotFound(path: string, cause: unknown): FtctlError {
  return new FtctlError('FT_WEIGHTS_NOT_FOUND', {
    what: `The weights file ${path} cannot be read: ${readFailure(cause)}.`,
    cause,
    details: { path },
  });
}
