import { FtctlError } from '../errors/index.js';
import { compareGenerations, formatGeneration, type Generation } from '../rpc/generation.js';
import type { Member } from '../rpc/generation.js';
import { checkPartition } from './check-partition.js';
import type { Partial, PeerMessage } from './messages.js';
import { checkShape, type SumPlan } from './message-shape.js';
import { type MessagePart, RoundSum, sameBits } from './round-sum.js';
import { BUCKET_ELEMENTS } from './schedule.js';
import { maximalSubtrees } from './tree.js';
import { VectorPool } from './vector-pool.js';

/** A message to be sent. */
export interface Outgoing {
  readonly toRank: number;
  readonly message: PeerMessage;
}

/**
 * What became of a received message. `taken`: counted (a repetition counts once). `held`: kept for a later round or
 * generation. `stale`: of a past round or generation, dropped. `refused`: contradicts the generation; it must never
 * enter a sum, and the sender should be told.
 */
export interface Receipt {
  readonly outcome: 'taken' | 'held' | 'stale' | 'refused';
  readonly reason: string;
  /** To be sent now: the second hop, where this message completed the first. */
  readonly outgoing: Outgoing[];
}

/** Bounds what strangers to this generation can make a worker keep: 64 members, 2 log2(1024) partials, 2^28 / 2^20 buckets. */
const MAX_HELD_NEWER = 64 * 20 * 256;

/** Messages of a round that is not offered yet, by `from/kind/node/offset`. */
type Held = Map<string, PeerMessage>;

export interface ReducerOptions {
  readonly run: string;
  readonly generation: Generation;
  /** The own incarnation. */
  readonly self: string;
  /** All members must have the same: part of the protocol, smaller in tests alone. */
  readonly bucketElements?: number;
  /** Where the values of received messages are from. They are given back. */
  readonly pool?: VectorPool;
}

/**
 * The all-reduce of one member in one generation, without any I/O. A round is complete only when every other member
 * has sent all that it must, also members without shards. What is to be sent are views of the arrays that are handed in:
 * these must not change as long as it may be sent again.
 *
 * No call adds up more than one bucket (schedule.ts). Where `hasMore` says so after a call, `advance` goes on.
 */
export class RoundReducer {
  readonly #run: string;
  readonly #plan: SumPlan;
  readonly #self: Member;
  readonly #others: readonly Member[];
  /** Of rounds to come. */
  readonly #held = new Map<number, Held>();
  readonly #pool: VectorPool;
  /** The round of the last offer. */
  #current: { readonly round: number; readonly sum: RoundSum } | undefined;
  /** Of the round before, which may be sent again; not of any earlier one. */
  #sentBefore: readonly Float32Array[] = [];
  #newer: PeerMessage[] = [];

  constructor(options: ReducerOptions) {
    const { run, generation, self: own, bucketElements = BUCKET_ELEMENTS } = options;
    const self = generation.members.find((member) => member.incarnation === own);
    if (self === undefined) {
      throw new RangeError(`${own} is not in generation ${formatGeneration(generation.id)}.`);
    }
    checkPartition(generation);
    this.#run = run;
    this.#pool = options.pool ?? new VectorPool();
    this.#self = self;
    this.#others = generation.members.filter((member) => member !== self);
    this.#plan = {
      generation,
      selfRank: self.rank,
      nodes: generation.members.map((member) =>
        maximalSubtrees(member.firstShard, member.numShards, generation.numShards),
      ),
      bucketElements,
    };
  }

  /**
   * Starts a round with the own partials (`sumOwned`). Rounds follow one another by one, each after the one before is
   * complete. Throws FT_REDUCE_MISMATCH if a message that was held for this round contradicts it.
   */
  offer(round: number, partials: readonly Partial[], vectorLength: number): Outgoing[] {
    const before = this.#current;
    if (before !== undefined && (round !== before.round + 1 || before.sum.result === undefined)) {
      throw new RangeError(
        `Round ${round} is offered while round ${before.round} is the current one.`,
      );
    }
    const nodes = this.#plan.nodes[this.#self.rank]!;
    if (
      partials.length !== nodes.length ||
      partials.some((p, i) => p.node !== nodes[i] || p.values.length !== vectorLength)
    ) {
      throw new RangeError(`Round ${round}: the partials are not those of the owned shards.`);
    }
    for (const past of this.#held.keys()) if (past < round) this.#held.delete(past);
    const held = [...(this.#held.get(round)?.values() ?? [])];
    this.#held.delete(round);
    this.#checkHeld(round, vectorLength, held);
    const sum = new RoundSum(this.#plan, partials, vectorLength, this.#pool);
    for (const values of this.#sentBefore) this.#pool.give(values);
    this.#sentBefore = before?.sum.sent ?? [];
    this.#current = { round, sum };
    for (const message of held) sum.take(message);
    const first = this.#others.flatMap(({ rank }) =>
      sum.firstHop(rank).map((part) => this.#outgoing(round, sum, rank, part)),
    );
    return [...first, ...this.advance()];
  }

  /** Takes a message of another member, at any time and in any order. */
  receive(message: PeerMessage): Receipt {
    const receipt = this.#receive(message);
    // What is taken or held is given back when its bucket is summed.
    if (receipt.outcome === 'stale') this.#pool.give(message.values);
    return receipt;
  }

  #receive(message: PeerMessage): Receipt {
    const receipt = (outcome: Receipt['outcome'], reason: string): Receipt => ({
      outcome,
      reason,
      outgoing: [],
    });
    if (message.run !== this.#run) {
      return receipt('refused', `it is of run ${message.run}, not of ${this.#run}`);
    }
    const order = compareGenerations(message.generation, this.#plan.generation.id);
    if (order < 0) {
      return receipt('stale', `generation ${formatGeneration(message.generation)} is past`);
    }
    if (order > 0) {
      if (this.#newer.length >= MAX_HELD_NEWER) {
        return receipt(
          'refused',
          `${MAX_HELD_NEWER} messages of newer generations are held already`,
        );
      }
      this.#newer.push(message);
      return receipt('held', `generation ${formatGeneration(message.generation)} is to come`);
    }
    const problem = checkShape(message, this.#plan);
    if (problem !== undefined) return receipt('refused', problem);

    const { round, from } = message;
    const current = this.#current;
    if (current !== undefined) {
      const isOver = current.sum.result !== undefined;
      if (round < current.round || (round === current.round && isOver)) {
        return receipt('stale', `round ${round} is past`);
      }
      if (round > current.round + 1) {
        return receipt(
          'refused',
          `round ${round} cannot have begun: round ${current.round} is not over`,
        );
      }
    } else if (!this.#held.has(round) && this.#held.size >= 2) {
      return receipt('refused', `messages of two other rounds are held, before the first one`);
    }
    if (current?.round !== round) {
      return this.#hold(message)
        ? receipt('held', `round ${round} is to come`)
        : receipt('refused', `rank ${from} sent other values before`);
    }
    if (current.sum.vectorLength !== message.vectorLength) {
      return receipt('refused', lengthProblem(message, current.sum.vectorLength));
    }
    switch (current.sum.take(message)) {
      case 'contradiction':
        return receipt('refused', `rank ${from} sent other values before`);
      case 'repeated':
        return receipt('taken', 'a repetition');
      case 'new':
        return { outcome: 'taken', reason: 'expected', outgoing: this.advance() };
    }
  }

  /** Adds up one more bucket, if one is ready; gives what is to be sent. */
  advance(): Outgoing[] {
    if (this.#current === undefined) return [];
    const { round, sum } = this.#current;
    const parts = sum.add();
    return this.#others.flatMap(({ rank }) =>
      parts.map((part) => this.#outgoing(round, sum, rank, part)),
    );
  }

  /** Whether `advance` has something to add up. */
  hasMore(): boolean {
    return this.#current?.sum.isReady === true;
  }

  /** The sum over all shards, once the round is complete; of the last round that was offered. The caller may change it. */
  result(round: number): Float32Array | undefined {
    return this.#current?.round === round ? this.#current.sum.result : undefined;
  }

  /** Gives up the messages held for newer generations: the next generation's reducer receives them. */
  takeNewer(): PeerMessage[] {
    const newer = this.#newer;
    this.#newer = [];
    return newer;
  }

  /** Keeps a message of a round to come; false if it contradicts one that is kept. */
  #hold(message: PeerMessage): boolean {
    const { round, from, kind, node, offset } = message;
    const held: Held = this.#held.get(round) ?? new Map<string, PeerMessage>();
    this.#held.set(round, held);
    const key = `${from}/${kind}/${node}/${offset}`;
    const known = held.get(key);
    if (known !== undefined) {
      return known.vectorLength === message.vectorLength && sameBits(known.values, message.values);
    }
    held.set(key, message);
    return true;
  }

  #checkHeld(round: number, vectorLength: number, held: readonly PeerMessage[]): void {
    const wrong = held.find((message) => message.vectorLength !== vectorLength);
    const ahead = [...this.#held.keys()].find((known) => known > round + 1);
    if (wrong === undefined && ahead === undefined) return;
    throw new FtctlError('FT_REDUCE_MISMATCH', {
      what: `Round ${round} of generation ${formatGeneration(this.#plan.generation.id)} cannot be summed.`,
      why:
        wrong !== undefined
          ? `A message of rank ${wrong.from} does not fit: ${lengthProblem(wrong, vectorLength)}.`
          : `Another worker is at round ${ahead!} already.`,
      phase: 'reduce',
    });
  }

  #outgoing(
    round: number,
    { vectorLength }: RoundSum,
    toRank: number,
    part: MessagePart,
  ): Outgoing {
    const message: PeerMessage = {
      run: this.#run,
      generation: this.#plan.generation.id,
      round,
      from: this.#self.rank,
      vectorLength,
      ...part,
    };
    return { toRank, message };
  }
}

function lengthProblem(message: PeerMessage, vectorLength: number): string {
  return `its vector has ${message.vectorLength} elements, round ${message.round} has ${vectorLength}`;
}
