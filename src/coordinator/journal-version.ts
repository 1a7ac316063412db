import { FtctlError } from '../errors/index.js';
import type { JournalRecord } from './journal-records.js';

type Fields<Type extends JournalRecord['type']> = readonly (keyof Extract<
  JournalRecord,
  { type: Type }
>)[];

/** What each kind of record has in this version of ftctl, as far as it is read. Journals of before phases have no `modelHash`. */
const fields: { readonly [Type in JournalRecord['type']]: Fields<Type> } = {
  run: ['specHash', 'manifestHash', 'modelHash', 'fingerprintHash'],
  term: ['term'],
  generation: ['generation', 'round'],
  rounds: ['entries'],
  checkpoint: ['kind', 'state', 'epoch', 'path'],
  end: ['status'],
};

/**
 * Refuses a journal that another version of ftctl wrote, with records that this one would misread: FT_JOURNAL_VERSION. The records are intact:
 * their hashes have been compared.
 */
export function checkJournalVersion(records: readonly object[]): void {
  for (const [index, record] of records.entries()) {
    const { type } = record as { readonly type?: unknown };
    const isKnown = typeof type === 'string' && Object.hasOwn(fields, type);
    const missing = isKnown
      ? fields[type as JournalRecord['type']].find((name) => !(name in record))
      : undefined;
    if (isKnown && missing === undefined) continue;
    throw new FtctlError('FT_JOURNAL_VERSION', {
      what: `The run's journal was written by another version of ftctl.`,
      why: isKnown
        ? `Its line ${index + 1} (\`${type}\`) has no \`${missing!}\`, as this version writes it.`
        : `This version does not know the record of its line ${index + 1} (\`${String(type)}\`).`,
      details: { line: index + 1, type: isKnown ? type : null, missing: missing ?? null },
    });
  }
}
