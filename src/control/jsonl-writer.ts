import { type FileHandle, open } from 'node:fs/promises';
import type { FtctlError } from '../errors/index.js';
import { diskError } from '../util/atomic-file.js';

export interface JsonlWriterOptions {
  /** The first write that failed; told once, and nothing is written after it. */
  readonly onError: (error: FtctlError) => void;
  /** Lines that come within this time are written together. */
  readonly batchMs?: number;
}

/** Larger batches are written at once, so that a burst costs memory for one batch only. */
const batchBytes = 64 * 1024;

/**
 * Appends JSON values to a file, one a line, in batches and in order. A full or broken disk ends the writing, not the
 * process: `onError` gets FT_DISK_FULL or FT_NOT_WRITABLE, once.
 */
export class JsonlWriter {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #options: JsonlWriterOptions;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #state: 'open' | 'failed' | 'closed' = 'open';

  private constructor(file: FileHandle, path: string, options: JsonlWriterOptions) {
    this.#file = file;
    this.#path = path;
    this.#options = options;
  }

  /**
   * Opens for appending. A last line without a newline was torn by a crash and is cut off: it would make the next
   * line unreadable too. Rejects with FT_DISK_FULL or FT_NOT_WRITABLE.
   */
  static async open(path: string, options: JsonlWriterOptions): Promise<JsonlWriter> {
    try {
      await cutTornLine(path);
      return new JsonlWriter(await open(path, 'a'), path, options);
    } catch (error) {
      throw diskError(error, path);
    }
  }

  /** Queues one line; never throws for a disk's sake. */
  write(value: object): void {
    if (this.#state !== 'open') return;
    const line = `${JSON.stringify(value)}\n`;
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    if (this.#waitingBytes >= batchBytes) this.#start();
    else {
      this.#timer ??= setTimeout(() => {
        this.#start();
      }, this.#options.batchMs ?? 100);
    }
  }

  /** Resolves when all lines so far are with the system, or the writing has failed. Never rejects. */
  async flush(): Promise<void> {
    this.#start();
    await this.#writing;
  }

  /** Writes the rest, makes it durable and closes. Never rejects. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    await this.flush();
    try {
      if (this.#state === 'open') await this.#file.sync();
    } catch (error) {
      this.#fail(error);
    }
    this.#state = 'closed';
    await this.#file.close().catch(() => undefined);
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting.join('');
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#writing = this.#writing.then(async () => {
      if (this.#state !== 'open') return;
      try {
        await this.#file.appendFile(batch);
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#waiting = [];
    this.#options.onError(diskError(error, this.#path));
  }
}

async function cutTornLine(path: string): Promise<void> {
  const file = await open(path, 'r+').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return;
  try {
    const { size, isFile } = await file.stat().then((s) => ({ size: s.size, isFile: s.isFile() }));
    if (!isFile) return;
    const chunk = Buffer.alloc(4096);
    for (let end = size; end > 0;) {
      const start = Math.max(0, end - chunk.length);
      const { bytesRead } = await file.read(chunk, 0, end - start, start);
      const newline = chunk.subarray(0, bytesRead).lastIndexOf(10);
      if (newline >= 0 || start === 0) {
        const wanted = newline >= 0 ? start + newline + 1 : 0;
        if (wanted < size) await file.truncate(wanted);
        return;
      }
      end = start;
    }
  } finally {
    await file.close();
  }
}
