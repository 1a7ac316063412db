import type { Worker } from 'node:worker_threads';
import { FtctlError } from '../errors/index.js';
import type { SharedCounters } from './feature-counters.js';
import {
  type FeatureCounters,
  type FeatureRequest,
  type FeatureSource,
  paddingSample,
} from './feature-source.js';
import { endThread, threadDeath } from './thread-life.js';
import type { FromFeatureThread, ImageFile, ToFeatureThread } from './thread-messages.js';

export interface ThreadedFeatureSourceOptions {
  /** The feature thread, just started. */
  readonly thread: Worker;
  readonly counters: SharedCounters;
  /** The file of a sample; undefined if there is no such sample. */
  readonly fileOf: (sample: number) => ImageFile | undefined;
  readonly onWarning: (message: string) => void;
}

interface Pending {
  readonly resolve: (features_BF: Float32Array) => void;
  readonly reject: (reason: unknown) => void;
  /** Stops listening to the request's signal. */
  readonly release: () => void;
}

interface Settle {
  readonly resolve: () => void;
  readonly reject: (error: FtctlError) => void;
}

/** The caller's end of a feature source. Whatever becomes of the thread, every request is answered or rejected. */
export class ThreadedFeatureSource implements FeatureSource {
  /** Resolves when requests can be answered. */
  readonly opened: Promise<void>;
  readonly #options: ThreadedFeatureSourceOptions;
  readonly #pending = new Map<number, Pending>();
  /** Samples whose files the thread knows. */
  readonly #told = new Set<number>();
  readonly #warned = new Set<string>();
  /** For the next request to take along. */
  #spare: Float32Array<ArrayBuffer>[] = [];
  #width = 0;
  #nextId = 0;
  #failure: FtctlError | undefined;
  #closing: Promise<void> | undefined;
  readonly #settleOpened: Settle;

  constructor(options: ThreadedFeatureSourceOptions) {
    this.#options = options;
    let settle: Settle | undefined;
    this.opened = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.#settleOpened = settle!;
    const { thread } = options;
    thread.on('message', (message: FromFeatureThread) => {
      this.#receive(message);
    });
    thread.on('error', (error) => {
      this.#fail(threadDeath('feature', error));
    });
    thread.on('exit', (code) => {
      if (this.#closing === undefined) this.#fail(threadDeath('feature', code));
    });
  }

  get width(): number {
    return this.#width;
  }

  features(request: FeatureRequest, signal?: AbortSignal): Promise<Float32Array> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (signal?.aborted === true) return Promise.reject(asError(signal.reason));
    const newFiles: (readonly [number, ImageFile])[] = [];
    for (const sample of request.samples) {
      if (sample === paddingSample || this.#told.has(sample)) continue;
      const file = this.#options.fileOf(sample);
      if (file === undefined) return Promise.reject(unknownSample(sample));
      newFiles.push([sample, file]);
    }
    for (const [sample] of newFiles) this.#told.add(sample);
    const id = this.#nextId;
    this.#nextId += 1;
    const samples = request.samples.slice();
    const views = request.views.slice();
    const spare = this.#spare;
    this.#spare = [];
    const given = [samples, views, ...spare].map(({ buffer }) => buffer);
    this.#post({ type: 'request', id, samples, views, spare, newFiles }, given);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#take(id)?.reject(asError(signal?.reason));
        this.#post({ type: 'abort', id });
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const release = (): void => signal?.removeEventListener('abort', onAbort);
      this.#pending.set(id, { resolve, reject, release });
    });
  }

  recycle(features_BF: Float32Array<ArrayBuffer>): void {
    this.#spare.push(features_BF);
  }

  counters(): FeatureCounters {
    return this.#options.counters.read();
  }

  /** Rejects what is pending and ends the threads; resolves when they are gone. */
  close(): Promise<void> {
    this.#closing ??= endThread(this.#options.thread, { type: 'close' } satisfies ToFeatureThread);
    this.#fail(
      new FtctlError('FT_FEATURES_CLOSED', {
        what: 'The feature source was closed.',
        phase: 'features',
      }),
    );
    return this.#closing;
  }

  #receive(message: FromFeatureThread): void {
    switch (message.type) {
      case 'opened':
        this.#width = message.width;
        this.#settleOpened.resolve();
        return;
      case 'answer':
        this.#take(message.id)?.resolve(message.features_BF);
        return;
      case 'rejected':
        this.#take(message.id)?.reject(
          FtctlError.fromJSON(message.error).at({ phase: 'features' }),
        );
        return;
      case 'warning':
        if (this.#warned.has(message.message)) return;
        this.#warned.add(message.message);
        this.#options.onWarning(message.message);
        return;
      case 'failed':
        this.#fail(FtctlError.fromJSON(message.error).at({ phase: 'features' }));
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.release();
    return pending;
  }

  #fail(error: FtctlError): void {
    this.#failure ??= error;
    this.#settleOpened.reject(this.#failure);
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(this.#failure);
  }

  #post(message: ToFeatureThread, transfer: ArrayBuffer[] = []): void {
    this.#options.thread.postMessage(message, transfer);
  }
}

/** An abort's reason may be anything; a promise is rejected with an Error, and with the very one if it is one. */
function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason), { cause: reason });
}

function unknownSample(sample: number): FtctlError {
  return new FtctlError('FT_INTERNAL', {
    what: `Features of sample ${sample} were asked for.`,
    why: 'The manifest has no such sample.',
    phase: 'features',
  });
}
