/** What an audit looks into. */
export type AuditCheck = 'records' | 'members' | 'rounds' | 'samples' | 'states';

/** Something that is not as the run's journal, its configuration and the protocol say it must be. */
export interface Finding {
  readonly check: AuditCheck;
  /** Of the journal, from 1; null: it is about a file, or about what is missing at the end. */
  readonly line: number | null;
  /** A whole sentence. */
  readonly what: string;
}
