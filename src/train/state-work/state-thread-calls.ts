import { Worker } from 'node:worker_threads';
import { FtctlError } from '../../errors/index.js';
import { threadEntry } from '../../util/thread-entry.js';
import type { StateReply, StateRequest, StateResults, StateTask } from './state-thread-messages.js';

interface Waiting {
  readonly resolve: (result: StateResults[keyof StateResults]) => void;
  readonly reject: (error: FtctlError) => void;
}

/** The thread, and the calls that wait for it. It keeps the process alive only while one does. */
export class StateThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #failure: FtctlError | undefined;

  constructor() {
    this.#worker = new Worker(threadEntry(import.meta.url, './state-thread.js'), {
      name: 'ftctl-state',
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: StateReply) => {
      this.#settle(reply);
    });
    this.#worker.on('error', (error: Error) => {
      this.#fail(lost(`It failed: ${error.message}.`, error));
    });
    this.#worker.on('messageerror', (error: Error) => {
      this.#fail(lost(`Its answer cannot be read: ${error.message}.`, error));
    });
    this.#worker.on('exit', (code) => {
      this.#fail(lost(`Its exit code is ${code}.`));
    });
  }

  /** Rejects with what the task throws in the thread; with FT_THREAD_LOST if the thread has ended. `given`: moved there, not copied. */
  do<Kind extends StateTask['kind']>(
    task: Extract<StateTask, { kind: Kind }>,
    given: readonly ArrayBuffer[] = [],
  ): Promise<StateResults[Kind]> {
    const done = new Promise<StateResults[keyof StateResults]>((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      const id = this.#nextId++;
      this.#worker.postMessage({ id, task } satisfies StateRequest, given);
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
    });
    return done as Promise<StateResults[Kind]>;
  }

  /** Ends the thread, also amid a task. */
  async close(): Promise<void> {
    this.#fail(lost('It was closed.'));
    await this.#worker.terminate();
  }

  #settle(reply: StateReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if ('error' in reply) waiting?.reject(FtctlError.fromJSON(reply.error));
    else waiting?.resolve(reply.result);
  }

  #fail(error: FtctlError): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

function lost(why: string, cause?: unknown): FtctlError {
  return new FtctlError('FT_THREAD_LOST', {
    what: 'The thread that updates the parameters has ended.',
    why,
    phase: 'update',
    ...(cause === undefined ? {} : { cause }),
  });
}
