import type { PeerMessage } from '../../../src/collective/messages.js';
import type { CoordinatorMessage, WorkerMessage } from '../../../src/rpc/control-messages.js';
import {
  compareGenerations,
  formatGeneration,
  type Generation,
  type GenerationId,
} from '../../../src/rpc/generation.js';
import { bitsOf, type Shape, trueSum } from './fake-trainer.js';

/** What must hold at every moment of every history. Violations are collected, and named. */
export class Invariants {
  readonly violations: string[] = [];
  readonly #shape: Shape;
  readonly #sums = new Map<number, string>();
  readonly #states = new Map<number, string>();
  /** Rounds applied, by incarnation. */
  readonly rounds = new Map<string, number>();
  /** The newest promise of each, while no commit has lifted it. */
  readonly #promises = new Map<string, GenerationId>();
  readonly #recorded = new Set<string>();
  /** Incarnations that were told to end. */
  readonly #sentAway = new Set<string>();
  #committed: Generation | undefined;

  readonly #startRound: number;

  constructor(shape: Shape, startRound: number) {
    this.#shape = shape;
    this.#startRound = startRound;
  }

  /** A commit was sent: rounds may have been applied. */
  get hasCommitted(): boolean {
    return this.#committed !== undefined;
  }

  broken(what: string): void {
    this.violations.push(what);
  }

  /** A sum is about to be applied. */
  summed(who: string, round: number, sum: Float32Array): void {
    let expected = this.#sums.get(round);
    if (expected === undefined) {
      expected = bitsOf(trueSum(round, this.#shape));
      this.#sums.set(round, expected);
    }
    if (bitsOf(sum) !== expected) this.broken(`${who} applies a wrong sum in round ${round}`);
  }

  /** A worker goes on from another's state. */
  restored(who: string, round: number): void {
    const own = this.rounds.get(who) ?? this.#startRound;
    if (round < own) this.broken(`${who} goes back from round ${own} to ${round}`);
    this.rounds.set(who, round);
  }

  applied(who: string, round: number, state: string): void {
    this.rounds.set(who, round);
    const promise = this.#promises.get(who);
    if (promise !== undefined) {
      this.broken(`${who} applies round ${round} after it promised ${formatGeneration(promise)}`);
    }
    const known = this.#states.get(round);
    if (known === undefined) this.#states.set(round, state);
    else if (known !== state) this.broken(`two states at round ${round}`);
    const members = (this.#committed?.members ?? []).map(
      (m) => this.rounds.get(m.incarnation) ?? this.#startRound,
    );
    if (Math.max(...members) - Math.min(...members) > 1) {
      this.broken(`members are at rounds ${members.join(', ')}`);
    }
  }

  /** A broken memory is the fault, and two states are what it makes. */
  forgetState(round: number): void {
    this.#states.delete(round);
  }

  recorded(generation: Generation): void {
    this.#recorded.add(formatGeneration(generation.id));
  }

  /** A control message is sent. */
  control(worker: string, message: WorkerMessage | CoordinatorMessage): void {
    if (message.type === 'prepared') this.#promises.set(worker, message.generation);
    if (message.type === 'abort' || message.type === 'release') this.#sentAway.add(worker);
    if (message.type === 'prepare') this.#prepares(message.generation);
    if (message.type !== 'commit') return;
    this.#committed = message.generation;
    if (!this.#recorded.has(formatGeneration(message.generation.id))) {
      this.broken(`a commit is sent before it is durable`);
    }
  }

  #prepares({ id, members }: Generation): void {
    const dead = members.find(({ incarnation }) => this.#sentAway.has(incarnation));
    if (dead === undefined) return;
    this.broken(
      `${dead.incarnation}, which was sent away, is in generation ${formatGeneration(id)}`,
    );
  }

  /** A commit arrives: the promise is kept, and over. */
  commitArrives(worker: string, id: GenerationId): void {
    const promise = this.#promises.get(worker);
    if (promise !== undefined && compareGenerations(promise, id) === 0) {
      this.#promises.delete(worker);
    }
  }

  /** A worker sends to another. */
  peer(from: string, message: PeerMessage): void {
    const promise = this.#promises.get(from);
    if (promise !== undefined && compareGenerations(message.generation, promise) < 0) {
      this.broken(`${from} sends under an old id after it promised ${formatGeneration(promise)}`);
    }
  }
}
