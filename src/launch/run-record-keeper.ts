import type { RunEvent } from '../control/events.js';
import type { RunFolder } from '../state/run-folder.js';
import type { RunRecord } from '../state/run-summary.js';
import type { Log } from '../util/log.js';

/**
 * Keeps `result.json` true while a run is continued. The last end stands until the run gets on: a resume that is refused or
 * stopped before its first step has changed nothing, and what the run was before it still is.
 */
export class RunRecordKeeper {
  readonly #run: RunFolder;
  readonly #log: Log;
  readonly #hadEnd: boolean;
  #forgotten: Promise<void> | undefined;

  private constructor(run: RunFolder, log: Log, hadEnd: boolean) {
    this.#run = run;
    this.#log = log;
    this.#hadEnd = hadEnd;
  }

  static async open(run: RunFolder, log: Log): Promise<RunRecordKeeper> {
    return new RunRecordKeeper(run, log, await run.hasResult());
  }

  onEvent({ type }: RunEvent): void {
    if (type !== 'step' && type !== 'epoch') return;
    // If this launcher is killed now, the last end must not be taken for this one.
    this.#forgotten ??= this.#run.removeResult().catch((error: unknown) => {
      this.#log.warn('The last end could not be forgotten.', { error });
    });
  }

  /** Rejects with FT_DISK_FULL or FT_NOT_WRITABLE. */
  async end(record: RunRecord): Promise<void> {
    await this.#forgotten;
    const hasGotOn = this.#forgotten !== undefined || record.status === 'finished';
    if (this.#hadEnd && !hasGotOn) return;
    await this.#run.writeResult(record);
  }
}
