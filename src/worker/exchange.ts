import { setImmediate } from 'node:timers/promises';
import type { Partial, PeerMessage } from '../collective/messages.js';
import type { Outgoing, RoundReducer } from '../collective/reducer.js';
import { FtctlError } from '../errors/index.js';
import { formatGeneration, type Generation } from '../rpc/generation.js';

/** What an exchange needs of a reducer; see RoundReducer. */
export type Reducer = Pick<
  RoundReducer,
  'offer' | 'receive' | 'advance' | 'hasMore' | 'result' | 'takeNewer'
>;

export interface ExchangeOptions {
  readonly run: string;
  readonly generation: Generation;
  readonly reducer: Reducer;
  readonly send: (outgoing: Outgoing) => void;
  /** The round can never be summed: a member's message contradicts the generation, say. */
  readonly onFailed: (error: FtctlError) => void;
  readonly log: (line: string) => void;
  /** Lets the event loop turn once. */
  readonly yieldToEventLoop?: () => Promise<unknown>;
}

/** The all-reduce of one generation: joins the reducer, which decides, to the streams. */
export class Exchange {
  readonly #options: ExchangeOptions;
  #waiting: { readonly round: number; readonly done: (sum: Float32Array) => void } | undefined;
  #isAdding = false;
  #isClosed = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /**
   * Sends the own partials of a round and resolves with the sum over all shards. One round at a time, in order.
   * Rejects with the signal's reason when it is aborted: then nothing of the round is used.
   */
  async reduce(
    round: number,
    partials: readonly Partial[],
    vectorLength: number,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    const { reducer } = this.#options;
    this.#sendAll(reducer.offer(round, partials, vectorLength));
    const sum = reducer.result(round);
    if (sum !== undefined) return sum;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting = undefined;
        reject(FtctlError.from(signal.reason));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting = {
        round,
        done: (result) => {
          signal.removeEventListener('abort', onAbort);
          resolve(result);
        },
      };
      this.#addTheRest();
    });
  }

  /** Takes a message of another member. */
  receive(message: PeerMessage): void {
    const { reducer, run, log } = this.#options;
    if (message.run !== run) {
      log(`A message of run ${message.run} was dropped: this is run ${run}.`);
      return;
    }
    const { outcome, reason, outgoing } = reducer.receive(message);
    if (outcome === 'refused') this.#refuse(message, reason);
    this.#sendAll(outgoing);
    this.#wake();
    this.#addTheRest();
  }

  /** Ends all sending. Gives the messages of newer generations that came early: the next exchange receives them. */
  close(): PeerMessage[] {
    this.#isClosed = true;
    return this.#options.reducer.takeNewer();
  }

  /** A long vector is added up in small pieces, between which timers and messages come in. */
  #addTheRest(): void {
    const { reducer, onFailed, yieldToEventLoop = setImmediate } = this.#options;
    if (this.#isAdding || !reducer.hasMore()) return;
    const addAll = async (): Promise<void> => {
      this.#isAdding = true;
      while (reducer.hasMore()) {
        await yieldToEventLoop();
        if (this.#isClosed) return;
        this.#sendAll(reducer.advance());
        this.#wake();
      }
      this.#isAdding = false;
    };
    addAll().catch((error: unknown) => {
      onFailed(FtctlError.from(error));
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const sum = this.#options.reducer.result(waiting.round);
    if (sum === undefined) return;
    this.#waiting = undefined;
    waiting.done(sum);
  }

  #refuse({ from, round, kind }: PeerMessage, reason: string): void {
    const { generation, onFailed } = this.#options;
    onFailed(
      new FtctlError('FT_REDUCE_MISMATCH', {
        what: `A ${kind} of worker ${from} in round ${round} of generation ${formatGeneration(generation.id)} was refused: ${reason}.`,
        phase: 'reduce',
        details: { from, round },
      }),
    );
  }

  #sendAll(outgoing: readonly Outgoing[]): void {
    for (const one of outgoing) this.#options.send(one);
  }
}
