import { FtctlError } from '../errors/index.js';
import { compareGenerations, formatGeneration, type Generation } from '../rpc/generation.js';
import type { Member } from '../rpc/generation.js';
import type { Partial, PeerMessage } from './messages.js';
import { checkShape } from './message-shape.js';
import { numHops, segmentOf } from './schedule.js';
import { finishTree, maximalSubtrees } from './tree.js';

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

/** Bounds what strangers to this generation can make a worker keep: 64 members, 2 log2(1024) partials, 8 rounds. */
const MAX_HELD_NEWER = 64 * 20 * 8;

interface Round {
  readonly round: number;
  /** By `from/kind/node`. */
  readonly received: Map<string, PeerMessage>;
  /** Set by offer(). */
  vectorLength: number | undefined;
  own: readonly Partial[];
  ownSegment: Float32Array | undefined;
  result: Float32Array | undefined;
}

/**
 * The all-reduce of one member in one generation, without any I/O. A round is complete only when every other member
 * has sent all that it must, also members without shards. What is to be sent are views of the arrays that are handed in:
 * these must not change as long as it may be sent again.
 */
export class RoundReducer {
  readonly #run: string;
  readonly #generation: Generation;
  readonly #self: Member;
  readonly #others: readonly Member[];
  /** Nodes that each rank sends partials of. */
  readonly #nodes: readonly (readonly number[])[];
  readonly #rounds = new Map<number, Round>();
  /** The round of the last offer. */
  #current: number | undefined;
  #newer: PeerMessage[] = [];

  constructor(o: { run: string; generation: Generation; self: string }) {
    const self = o.generation.members.find((member) => member.incarnation === o.self);
    if (self === undefined) {
      throw new RangeError(`${o.self} is not in generation ${formatGeneration(o.generation.id)}.`);
    }
    checkPartition(o.generation);
    this.#run = o.run;
    this.#generation = o.generation;
    this.#self = self;
    this.#others = o.generation.members.filter((member) => member !== self);
    this.#nodes = o.generation.members.map((member) =>
      maximalSubtrees(member.firstShard, member.numShards, o.generation.numShards),
    );
  }

  /**
   * Starts a round with the own partials (`sumOwned`). Rounds follow one another by one, each after the one before is
   * complete. Throws FT_REDUCE_MISMATCH if a message that was held for this round contradicts it.
   */
  offer(round: number, partials: readonly Partial[], vectorLength: number): Outgoing[] {
    const before = this.#current;
    if (before !== undefined && (round !== before + 1 || this.result(before) === undefined)) {
      throw new RangeError(`Round ${round} is offered while round ${before} is the current one.`);
    }
    const nodes = this.#nodes[this.#self.rank]!;
    if (
      partials.length !== nodes.length ||
      partials.some((p, i) => p.node !== nodes[i] || p.values.length !== vectorLength)
    ) {
      throw new RangeError(`Round ${round}: the partials are not those of the owned shards.`);
    }
    this.#current = round;
    for (const past of this.#rounds.keys()) if (past < round - 1) this.#rounds.delete(past);
    const state = this.#roundOf(round);
    state.vectorLength = vectorLength;
    state.own = partials;
    this.#checkHeld(round, vectorLength);
    const first = this.#others.flatMap((to) => this.#firstHop(state, to, vectorLength));
    return [...first, ...this.#advance(state)];
  }

  /** Takes a message of another member, at any time and in any order. */
  receive(message: PeerMessage): Receipt {
    const receipt = (outcome: Receipt['outcome'], reason: string): Receipt => ({
      outcome,
      reason,
      outgoing: [],
    });
    if (message.run !== this.#run) {
      return receipt('refused', `it is of run ${message.run}, not of ${this.#run}`);
    }
    const order = compareGenerations(message.generation, this.#generation.id);
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
    const problem = checkShape(message, this.#generation, this.#self.rank, this.#nodes);
    if (problem !== undefined) return receipt('refused', problem);

    const { round } = message;
    const current = this.#current;
    if (current !== undefined) {
      if (round < current || (round === current && this.result(round) !== undefined)) {
        return receipt('stale', `round ${round} is past`);
      }
      if (round > current + 1) {
        return receipt('refused', `round ${round} cannot have begun: round ${current} is not over`);
      }
    } else if (!this.#rounds.has(round) && this.#rounds.size >= 2) {
      return receipt('refused', `messages of two other rounds are held, before the first one`);
    }
    const state = this.#roundOf(round);
    if (state.vectorLength !== undefined && state.vectorLength !== message.vectorLength) {
      return receipt('refused', lengthProblem(message, state.vectorLength));
    }
    const key = `${message.from}/${message.kind}/${message.node}`;
    const known = state.received.get(key);
    if (known !== undefined) {
      return sameBits(known, message)
        ? receipt(state.vectorLength === undefined ? 'held' : 'taken', 'a repetition')
        : receipt('refused', `rank ${message.from} sent other values before`);
    }
    state.received.set(key, message);
    if (state.vectorLength === undefined) return receipt('held', `round ${round} is to come`);
    return { outcome: 'taken', reason: 'expected', outgoing: this.#advance(state) };
  }

  /** The sum over all shards, once the round is complete; of the last two rounds. The caller may change it. */
  result(round: number): Float32Array | undefined {
    return this.#rounds.get(round)?.result;
  }

  /** Gives up the messages held for newer generations: the next generation's reducer receives them. */
  takeNewer(): PeerMessage[] {
    const newer = this.#newer;
    this.#newer = [];
    return newer;
  }

  #roundOf(round: number): Round {
    let state = this.#rounds.get(round);
    if (state === undefined) {
      state = {
        round,
        received: new Map(),
        vectorLength: undefined,
        own: [],
        ownSegment: undefined,
        result: undefined,
      };
      this.#rounds.set(round, state);
    }
    return state;
  }

  #checkHeld(round: number, vectorLength: number): void {
    const wrong = [...this.#roundOf(round).received.values()].find(
      (message) => message.vectorLength !== vectorLength,
    );
    const ahead = [...this.#rounds.keys()].find((known) => known > round + 1);
    if (wrong === undefined && ahead === undefined) return;
    throw new FtctlError('FT_REDUCE_MISMATCH', {
      what: `Round ${round} of generation ${formatGeneration(this.#generation.id)} cannot be summed.`,
      why:
        wrong !== undefined
          ? `A message of rank ${wrong.from} does not fit: ${lengthProblem(wrong, vectorLength)}.`
          : `Another worker is at round ${ahead!} already.`,
      phase: 'reduce',
    });
  }

  #message(
    state: Round,
    part: Pick<PeerMessage, 'kind' | 'node' | 'count' | 'offset' | 'values'>,
  ): PeerMessage {
    return {
      run: this.#run,
      generation: this.#generation.id,
      round: state.round,
      from: this.#self.rank,
      vectorLength: state.vectorLength!,
      ...part,
    };
  }

  #firstHop(state: Round, to: Member, vectorLength: number): Outgoing[] {
    const { offset, length } =
      numHops(this.#generation, vectorLength) === 1
        ? { offset: 0, length: vectorLength }
        : this.#segmentOf(to.rank, vectorLength);
    if (state.own.length === 0) {
      const part = { kind: 'empty', node: 0, count: 1, offset: 0, values: EMPTY } as const;
      return [{ toRank: to.rank, message: this.#message(state, part) }];
    }
    return state.own.map(({ node, values }) => ({
      toRank: to.rank,
      message: this.#message(state, {
        kind: 'partial',
        node,
        count: state.own.length,
        offset,
        values: values.subarray(offset, offset + length),
      }),
    }));
  }

  #segmentOf(rank: number, vectorLength: number): { offset: number; length: number } {
    return segmentOf(rank, this.#generation.members.length, vectorLength);
  }

  #hasFirstHop(state: Round, rank: number): boolean {
    const nodes = this.#nodes[rank]!;
    return nodes.length === 0
      ? state.received.has(`${rank}/empty/0`)
      : nodes.every((node) => state.received.has(`${rank}/partial/${node}`));
  }

  /** Does what the messages so far allow; returns what is to be sent. */
  #advance(state: Round): Outgoing[] {
    const vectorLength = state.vectorLength!;
    if (!this.#others.every((member) => this.#hasFirstHop(state, member.rank))) return [];
    if (numHops(this.#generation, vectorLength) === 1) {
      state.result = finishTree(this.#generation.numShards, this.#partials(state, undefined));
      state.received.clear();
      return [];
    }
    const own = this.#segmentOf(this.#self.rank, vectorLength);
    let outgoing: Outgoing[] = [];
    if (state.ownSegment === undefined) {
      const values = finishTree(this.#generation.numShards, this.#partials(state, own));
      const part = { kind: 'segment', node: 0, count: 1, offset: own.offset, values } as const;
      const message = this.#message(state, part);
      state.ownSegment = values;
      outgoing = this.#others.map((to) => ({ toRank: to.rank, message }));
    }
    const segments = this.#others.map((from) => state.received.get(`${from.rank}/segment/0`));
    if (segments.every((segment) => segment !== undefined)) {
      const result = new Float32Array(vectorLength);
      result.set(state.ownSegment, own.offset);
      for (const segment of segments) result.set(segment.values, segment.offset);
      state.result = result;
      state.received.clear();
    }
    return outgoing;
  }

  /** All partials of the tree: whole, or the part of them that lies in a segment. */
  #partials(
    state: Round,
    segment: { offset: number; length: number } | undefined,
  ): Map<number, Float32Array> {
    const partials = new Map<number, Float32Array>();
    for (const { node, values } of state.own) {
      partials.set(
        node,
        segment === undefined
          ? values
          : values.subarray(segment.offset, segment.offset + segment.length),
      );
    }
    for (const message of state.received.values()) {
      if (message.kind === 'partial') partials.set(message.node, message.values);
    }
    return partials;
  }
}

const EMPTY = new Float32Array(0);

function lengthProblem(message: PeerMessage, vectorLength: number): string {
  return `its vector has ${message.vectorLength} elements, round ${message.round} has ${vectorLength}`;
}

function sameBits(a: PeerMessage, b: PeerMessage): boolean {
  const bytes = ({ values }: PeerMessage): Buffer =>
    Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return a.vectorLength === b.vectorLength && a.offset === b.offset && bytes(a).equals(bytes(b));
}

/** Ranks must be positions, and the members must own every shard once. */
function checkPartition(generation: Generation): void {
  const name = `Generation ${formatGeneration(generation.id)}`;
  generation.members.forEach((member, index) => {
    if (member.rank === index) return;
    throw new RangeError(`${name}: the member at position ${index} has rank ${member.rank}.`);
  });
  let next = 0;
  const owners = generation.members.filter((member) => member.numShards > 0);
  for (const owner of owners.sort((a, b) => a.firstShard - b.firstShard)) {
    if (owner.firstShard !== next) {
      throw new RangeError(
        `${name}: rank ${owner.rank} owns from ${owner.firstShard}, not ${next}.`,
      );
    }
    next += owner.numShards;
  }
  if (next !== generation.numShards) {
    throw new RangeError(`${name} owns ${next} of ${generation.numShards} shards.`);
  }
}
