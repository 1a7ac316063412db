import type { RunEvent } from '../control/events.js';
import type { ErrorCode, ExitCode, FtctlError } from '../errors/index.js';

/** Something of the user's is wrong (the configuration, the data, the weights), and the error says all that there is to know. */
const refusalExits: ReadonlySet<ExitCode> = new Set<ExitCode>([2, 3]);
/** The same, of the machine. Other failures of it have their cause in a log, which is kept. */
const refusalCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'FT_PORT_IN_USE',
  'FT_ADDRESS_UNUSABLE',
  'FT_NOT_WRITABLE',
]);
/** After these a run folder holds what is worth keeping; `files-skipped` because its message names `events.jsonl`. */
const gainingEvents: ReadonlySet<RunEvent['type']> = new Set<RunEvent['type']>([
  'files-skipped',
  'generation',
  'step',
  'epoch',
  'checkpoint',
]);

/** Whether a new run's folder holds anything yet. Left behind after a refusal it would only stand in `ftctl runs`. */
export class NewRunWatch {
  #isEmpty = true;

  onEvent({ type }: RunEvent): void {
    if (gainingEvents.has(type)) this.#isEmpty = false;
  }

  /** Whether `error` refused the run before there was anything in its folder. */
  isRefusal(error: FtctlError): boolean {
    return this.#isEmpty && (refusalExits.has(error.exitCode) || refusalCodes.has(error.code));
  }
}
