import { createHash } from 'node:crypto';
import { FtctlError } from '../errors/index.js';
import type { JournalRecord, StoredRecord } from './journal-records.js';

/**
 * The journal: one JSON line per record, append-only. A line is `{"hash":H,` followed by the rest of the record's
 * JSON, which holds `seq` and `prev` (the hash of the line before); H is SHA-256 of that JSON without the hash, as it
 * is in the file. So no line can be changed, left out, or moved without being found.
 */

/** Port: the file under the journal. One process at a time has it open. */
export interface JournalFile {
  /** Everything in it. */
  read(): Promise<Uint8Array>;
  /** Appends; resolves when the operating system has the bytes. Rejects with FT_DISK_FULL or FT_NOT_WRITABLE. */
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves when everything appended survives a power cut. */
  sync(): Promise<void>;
  /** Cuts the file off. */
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** Port: what the coordinator writes to. */
export interface JournalWriter {
  /** Resolves when the record is durable. Records are written in the order of the calls. */
  append(record: JournalRecord): Promise<void>;
}

/** What open() found. */
export interface OpenedJournal {
  readonly journal: Journal;
  readonly records: readonly StoredRecord[];
  /** Bytes of an unfinished last line that were cut off: the write that a crash interrupted. */
  readonly tornBytes: number;
}

const firstPrev = '0'.repeat(64);
const hashPrefix = /^\{"hash":"([0-9a-f]{64})",/;
const newline = 0x0a;

/** An open journal. Appends that wait for the disk together are written and made durable together. */
export class Journal implements JournalWriter {
  readonly #file: JournalFile;
  readonly #now: () => number;
  #seq: number;
  #prev: string;
  #length: number;
  #waiting: { record: JournalRecord; done: () => void; failed: (error: unknown) => void }[] = [];
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();
  #failure: FtctlError | undefined;

  private constructor(
    file: JournalFile,
    now: () => number,
    end: { seq: number; prev: string; length: number },
  ) {
    this.#file = file;
    this.#now = now;
    this.#seq = end.seq;
    this.#prev = end.prev;
    this.#length = end.length;
  }

  /**
   * Reads everything back and checks the chain. An unfinished last line is cut off; a damaged line before it rejects
   * with FT_JOURNAL_DAMAGED, which names the line, and closes the file. `now` gives the Unix time in ms.
   */
  static async open(file: JournalFile, now: () => number): Promise<OpenedJournal> {
    try {
      const bytes = Buffer.from(await file.read());
      const { records, length, prev } = readRecords(bytes);
      if (length < bytes.length) {
        await file.truncate(length);
        await file.sync();
      }
      const journal = new Journal(file, now, { seq: records.length, prev, length });
      return { journal, records, tornBytes: bytes.length - length };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  append(record: JournalRecord): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ record, done, failed });
      if (!this.#isWriting) this.#writing = this.#writeAll();
    });
  }

  /** Claims the next term for this life of the coordinator: one more than any that the journal has seen. */
  async claimTerm(highestTerm: number): Promise<number> {
    const term = highestTerm + 1;
    await this.append({ type: 'term', term });
    return term;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(batch.map(({ record }) => record));
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    // In one turn with the last look at the queue: what is appended from now on starts a new round.
    this.#isWriting = false;
  }

  /** After a failure nothing more is written: what follows would build on a record that may be half there. */
  async #write(records: readonly JournalRecord[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const before = this.#length;
    try {
      const bytes = Buffer.from(records.map((record) => this.#line(record)).join(''));
      await this.#file.append(bytes);
      await this.#file.sync();
      this.#length += bytes.length;
    } catch (error) {
      this.#failure = FtctlError.from(error);
      await this.#file.truncate(before).catch(() => undefined);
      throw this.#failure;
    }
  }

  #line(record: JournalRecord): string {
    const body = JSON.stringify({ seq: this.#seq, prev: this.#prev, at: this.#now(), ...record });
    const hash = sha256(body);
    this.#seq += 1;
    this.#prev = hash;
    return `{"hash":"${hash}",${body.slice(1)}\n`;
  }
}

/** The records of a journal, and where the last whole line ends. */
export function readRecords(bytes: Buffer): {
  records: StoredRecord[];
  length: number;
  prev: string;
} {
  const records: StoredRecord[] = [];
  let prev = firstPrev;
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(newline, start);
    const isLast = end === -1 || end === bytes.length - 1;
    const line = bytes.toString('utf8', start, end === -1 ? bytes.length : end);
    const read = end === -1 ? 'torn' : readLine(line, records.length, prev);
    if (typeof read === 'string') {
      // A crash can leave the last line short, or with blocks that were never written; it cannot make valid JSON.
      if (isLast && (read === 'torn' || read === 'garbled')) break;
      throw damaged(records.length + 1, read);
    }
    records.push(read.record);
    prev = read.hash;
    start = end + 1;
  }
  return { records, length: start, prev };
}

function readLine(
  line: string,
  seq: number,
  prev: string,
): { record: StoredRecord; hash: string } | 'garbled' | 'changed' | 'moved' {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return 'garbled';
  }
  const hash = hashPrefix.exec(line)?.[1];
  if (hash === undefined || sha256(`{${line.replace(hashPrefix, '')}`) !== hash) return 'changed';
  const record = parsed as StoredRecord;
  return record.seq === seq && record.prev === prev ? { record, hash } : 'moved';
}

function damaged(line: number, how: string): FtctlError {
  const why: Readonly<Record<string, string>> = {
    garbled: 'It is no JSON.',
    changed: 'Its content does not have its hash.',
    moved: 'It does not follow the line before it: lines are missing, or were moved.',
  };
  return new FtctlError('FT_JOURNAL_DAMAGED', {
    what: `Line ${line} of the journal is damaged.`,
    ...(why[how] === undefined ? {} : { why: why[how] }),
    details: { line },
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
