import type { Partial, PeerMessage } from './messages.js';
import type { SumPlan } from './message-shape.js';
import { bucketsOf, numHops, type Segment, segmentOf } from './schedule.js';
import { finishTree } from './tree.js';
import type { VectorPool } from './vector-pool.js';

/** A message of a round, but for what all messages of the round have in common. */
export type MessagePart = Pick<PeerMessage, 'kind' | 'node' | 'count' | 'offset' | 'values'>;

/** What became of a message: counted now, counted before, or contradicting what was counted before. */
export type Taken = 'new' | 'repeated' | 'contradiction';

interface Bucket extends Segment {
  /** The part that this member sums: all in one hop, its segment in two. */
  readonly part: Segment;
  /** By tree node, of other members; undefined once they are summed. */
  partials: Map<number, Float32Array> | undefined;
  /** Partials of others that have not come. */
  numMissing: number;
  /** Ranks whose segments have come. */
  readonly segments: Set<number>;
}

/**
 * One round's sum at one member, from its own partials on: bucket by bucket, in any order. A bucket is summed when every
 * other member's partials of it are there, also one without shards having said so.
 */
export class RoundSum {
  readonly vectorLength: number;
  /** Arrays that are sent to others: the own partials and, in two hops, the sums of this member's part of the buckets. */
  readonly sent: Float32Array[] = [];
  readonly #plan: SumPlan;
  readonly #pool: VectorPool;
  readonly #own: readonly Partial[];
  readonly #hops: 1 | 2;
  readonly #buckets: readonly Bucket[];
  /** Members without shards that have not said so. */
  readonly #silent: Set<number>;
  /** Buckets to be summed, in the order in which they became ready. */
  readonly #ready: Bucket[] = [];
  /** Parts of the result that are not there. */
  #numUnfinished: number;
  #result: Float32Array | undefined;

  /** Arrays of received messages are given to the pool as soon as they are not needed. */
  constructor(plan: SumPlan, own: readonly Partial[], vectorLength: number, pool: VectorPool) {
    const { generation, selfRank, nodes, bucketElements } = plan;
    const numMembers = generation.members.length;
    const isOther = (rank: number): boolean => rank !== selfRank;
    this.#plan = plan;
    this.#pool = pool;
    this.#own = own;
    this.vectorLength = vectorLength;
    this.#hops = numHops(generation, vectorLength);
    const numPartials = nodes.reduce(
      (sum, ofRank, rank) => sum + (isOther(rank) ? ofRank.length : 0),
      0,
    );
    this.#buckets = bucketsOf(vectorLength, bucketElements).map((bucket) => ({
      ...bucket,
      part: this.#hops === 1 ? bucket : segmentOf(selfRank, numMembers, bucket),
      partials: new Map<number, Float32Array>(),
      numMissing: numPartials,
      segments: new Set<number>(),
    }));
    this.#silent = new Set(
      nodes.flatMap((ofRank, rank) => (isOther(rank) && ofRank.length === 0 ? [rank] : [])),
    );
    this.#numUnfinished = this.#buckets.length * (this.#hops === 1 ? 1 : numMembers);
    // Alone there is nothing to add, and nobody to whom the own partial is sent.
    if (numMembers === 1) {
      this.#end(own[0]!.values);
      return;
    }
    this.sent.push(...own.map(({ values }) => values));
    if (this.#silent.size === 0) this.#findReady();
  }

  /** The sum over all shards, once all of it is there. An array of its own: nothing that is sent is a view of it. */
  get result(): Float32Array | undefined {
    return this.#numUnfinished === 0 ? this.#result : undefined;
  }

  /** What is sent to a member at the start. */
  firstHop(toRank: number): MessagePart[] {
    const { generation } = this.#plan;
    if (this.#own.length === 0) {
      return [{ kind: 'empty', node: 0, count: 1, offset: 0, values: new Float32Array(0) }];
    }
    const count = this.#own.length * this.#buckets.length;
    return this.#buckets.flatMap((bucket) => {
      const part = this.#hops === 1 ? bucket : segmentOf(toRank, generation.members.length, bucket);
      return this.#own.map(({ node, values }) => ({
        ...{ kind: 'partial' as const, node, count, offset: part.offset },
        values: viewOf(values, part),
      }));
    });
  }

  /** Takes a message of the right shape (message-shape.ts), and its values over. */
  take(message: PeerMessage): Taken {
    const taken = this.#take(message);
    if (taken !== 'new') this.#pool.give(message.values);
    return taken;
  }

  #take(message: PeerMessage): Taken {
    const { kind, from } = message;
    switch (kind) {
      case 'empty':
        if (!this.#silent.delete(from)) return 'repeated';
        if (this.#silent.size === 0) this.#findReady();
        return 'new';
      case 'partial':
        return this.#takePartial(message);
      case 'segment':
        return this.#takeSegment(message);
    }
  }

  /** Whether `add` has something to add. */
  get isReady(): boolean {
    return this.#ready.length > 0;
  }

  /** Sums up one bucket, and gives what is to be sent to all others. */
  add(): MessagePart[] {
    const bucket = this.#ready.shift();
    if (bucket === undefined) return [];
    const { part } = bucket;
    const partials = new Map(bucket.partials);
    for (const { node, values } of this.#own) partials.set(node, viewOf(values, part));
    const values = finishTree(this.#plan.generation.numShards, partials, this.#pool);
    for (const received of bucket.partials!.values()) this.#pool.give(received);
    bucket.partials = undefined;
    this.#place(part.offset, values);
    if (this.#hops === 1) return [];
    this.sent.push(values);
    const count = this.#buckets.length;
    return [{ kind: 'segment', node: 0, count, offset: part.offset, values }];
  }

  #takePartial({ node, offset, values }: PeerMessage): Taken {
    const bucket = this.#bucketAt(offset);
    if (bucket.partials === undefined) return 'repeated';
    const known = bucket.partials.get(node);
    if (known !== undefined) return sameBits(known, values) ? 'repeated' : 'contradiction';
    bucket.partials.set(node, values);
    bucket.numMissing -= 1;
    if (bucket.numMissing === 0 && this.#silent.size === 0) this.#ready.push(bucket);
    return 'new';
  }

  #takeSegment({ from, offset, values }: PeerMessage): Taken {
    const { segments } = this.#bucketAt(offset);
    if (segments.has(from)) {
      const known = this.#result!.subarray(offset, offset + values.length);
      return sameBits(known, values) ? 'repeated' : 'contradiction';
    }
    segments.add(from);
    this.#place(offset, values);
    this.#pool.give(values);
    return 'new';
  }

  #bucketAt(offset: number): Bucket {
    return this.#buckets[Math.floor(offset / this.#plan.bucketElements)]!;
  }

  #findReady(): void {
    this.#ready.push(...this.#buckets.filter(({ numMissing }) => numMissing === 0));
  }

  #place(offset: number, values: Float32Array): void {
    if (values.length === this.vectorLength && this.#hops === 1) {
      this.#end(values);
      return;
    }
    this.#result ??= this.#pool.take(this.vectorLength);
    this.#result.set(values, offset);
    this.#numUnfinished -= 1;
    if (this.#hops === 1) this.#pool.give(values);
  }

  #end(result: Float32Array): void {
    this.#result = result;
    this.#numUnfinished = 0;
  }
}

function viewOf(values: Float32Array, { offset, length }: Segment): Float32Array {
  return values.subarray(offset, offset + length);
}

/** Bits, not values: a NaN is no contradiction to itself. */
export function sameBits(a: Float32Array, b: Float32Array): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
    Buffer.from(buffer, byteOffset, byteLength);
  return bytes(a).equals(bytes(b));
}
