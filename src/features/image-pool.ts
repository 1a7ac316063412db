import { Worker } from 'node:worker_threads';
import { FtctlError } from '../errors/index.js';
import type {
  FromImageThread,
  ImageRow,
  ImageThreadData,
  RowFailure,
  ToImageThread,
} from './thread-messages.js';
import { endThread, threadDeath } from './thread-life.js';

export interface PreparedBatch {
  /** Rows in order from the start; there may be room after them. */
  readonly images_NCHW: Float32Array;
  readonly failures: readonly RowFailure[];
}

/** Where the pipeline has its network inputs from. */
export interface ImageSource {
  /** Rejects with an FtctlError when no batch can be made any more. */
  prepare(rows: readonly ImageRow[]): Promise<PreparedBatch>;
  /** Gives a batch's memory back for a later one. */
  recycle(images_NCHW: Float32Array): void;
  close(): Promise<void>;
}

export interface ImagePoolOptions {
  /** URL of the threads' module. */
  readonly entry: string;
  readonly data: ImageThreadData;
  readonly numThreads: number;
  /** Floats of a full batch. */
  readonly batchLength: number;
  readonly onWarning: (message: string) => void;
}

interface Pending {
  readonly resolve: (batch: PreparedBatch) => void;
  readonly reject: (error: FtctlError) => void;
}

/** Image threads, started at the first batch; batches go round. When one dies, the pool is dead. */
export class ImagePool implements ImageSource {
  readonly #options: ImagePoolOptions;
  readonly #threads: Worker[] = [];
  readonly #pending = new Map<number, Pending>();
  readonly #spare: Float32Array[] = [];
  #nextBatch = 0;
  #failure: FtctlError | undefined;
  #closed = false;

  constructor(options: ImagePoolOptions) {
    this.#options = options;
  }

  prepare(rows: readonly ImageRow[]): Promise<PreparedBatch> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const batch = this.#nextBatch;
    this.#nextBatch += 1;
    const thread = (this.#threads[batch % this.#options.numThreads] ??= this.#start());
    const images_NCHW = this.#spare.pop() ?? new Float32Array(this.#options.batchLength);
    const message: ToImageThread = { type: 'prepare', batch, rows, images_NCHW };
    return new Promise((resolve, reject) => {
      this.#pending.set(batch, { resolve, reject });
      thread.postMessage(message, [images_NCHW.buffer as ArrayBuffer]);
    });
  }

  recycle(images_NCHW: Float32Array): void {
    if (!this.#closed) this.#spare.push(images_NCHW);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const message: ToImageThread = { type: 'close' };
    await Promise.all(this.#threads.map((thread) => endThread(thread, message)));
  }

  #start(): Worker {
    const thread = new Worker(new URL(this.#options.entry), {
      name: 'ftctl-images',
      workerData: this.#options.data,
    });
    thread.on('message', (message: FromImageThread) => {
      this.#receive(message);
    });
    thread.on('error', (error) => {
      this.#fail(threadDeath('image', error));
    });
    thread.on('exit', (code) => {
      if (!this.#closed) this.#fail(threadDeath('image', code));
    });
    return thread;
  }

  #receive(message: FromImageThread): void {
    if (message.type === 'prepared') {
      const pending = this.#pending.get(message.batch);
      this.#pending.delete(message.batch);
      pending?.resolve({ images_NCHW: message.images_NCHW, failures: message.failures });
    } else if (message.type === 'warning') this.#options.onWarning(message.message);
    else this.#fail(FtctlError.fromJSON(message.error));
  }

  #fail(error: FtctlError): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }
}
