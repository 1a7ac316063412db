/**
 * 0 finished; 1 a bug of ours; 2 usage or configuration; 3 data or weights; 4 training failed;
 * 5 environment (port, disk, engine); 130 interrupted.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 130;

/** One permanent code: `summary` says what it means, `remedy` is what a user can do about it. */
export interface CatalogueEntry {
  readonly exit: ExitCode;
  readonly summary: string;
  readonly remedy: string;
}
