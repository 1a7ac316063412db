import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../../src/collective/messages.js';
import { type Outgoing, RoundReducer } from '../../../src/collective/reducer.js';
import { SendWindow } from '../../../src/collective/send-window.js';
import { finishTree, sumOwned } from '../../../src/collective/tree.js';
import { VectorPool } from '../../../src/collective/vector-pool.js';
import { encodeFrames, FrameReader } from '../../../src/collective/wire.js';
import type { Generation } from '../../../src/rpc/generation.js';
import { anySplit, bits, generationOf, incarnation, vectorsOf } from './generations.js';

const run = '0123456789abcdef';

function reducersOf(generation: Generation, bucketElements?: number): RoundReducer[] {
  const options = bucketElements === undefined ? {} : { bucketElements };
  return generation.members.map(
    ({ incarnation: self }) => new RoundReducer({ run, generation, self, ...options }),
  );
}

/** Fewer elements than a vector may have, so that some have one bucket and others many. */
const anyBucketElements = fc.integer({ min: 1, max: 50 });

function ownPartials(generation: Generation, rank: number, vectors: readonly Float32Array[]) {
  const { firstShard, numShards } = generation.members[rank]!;
  const owned = vectors.slice(firstShard, firstShard + numShards);
  return sumOwned(firstShard, owned, generation.numShards);
}

/** A message as it comes from the network: its values are an array of their own. */
function arrived(message: PeerMessage): PeerMessage {
  return { ...message, values: message.values.slice() };
}

/** What one worker that owns everything would get. */
function alone(vectors: readonly Float32Array[]): string {
  return bits(
    finishTree(vectors.length, new Map([[1, sumOwned(0, vectors, vectors.length)[0]!.values]])),
  );
}

/** From one member to another, with what the sender keeps for a repetition. */
interface Stream {
  readonly to: number;
  readonly window: SendWindow;
  reader: FrameReader;
  underWay: Buffer[];
}

function newStream(to: number): Stream {
  return { to, window: new SendWindow(), reader: new FrameReader(), underWay: [] };
}

function fill({ window, underWay }: Stream): void {
  for (let frames = window.take(); frames.length > 0; frames = window.take()) {
    underWay.push(encodeFrames(frames));
  }
}

/** Two members with one shard each: rank 0 is under test, rank 1 sends what the test says. */
function pair(options: { twoHopFromElements?: number } = {}) {
  const generation = generationOf([1, 1], options);
  const [reducer, peer] = reducersOf(generation);
  const own = [{ node: 2, values: Float32Array.of(1, 2) }];
  const message: PeerMessage = {
    run,
    generation: generation.id,
    round: 1,
    from: 1,
    kind: 'partial',
    node: 3,
    count: 1,
    vectorLength: 2,
    offset: 0,
    values: Float32Array.of(10, 20),
  };
  return { generation, reducer: reducer!, peer: peer!, own, message };
}

describe('an all-reduce', () => {
  it('has the bits of one worker alone, for any split, any order, any buckets and both hop modes', () => {
    fc.assert(
      fc.property(
        anySplit,
        fc.integer({ min: 1, max: 70 }),
        anyBucketElements,
        fc.boolean(),
        fc.nat(),
        fc.infiniteStream(fc.nat()),
        (split, length, bucketElements, isTwoHop, seed, choices) => {
          const generation = generationOf(split, { twoHopFromElements: isTwoHop ? 1 : 1000 });
          const reducers = reducersOf(generation, bucketElements);
          const rounds = [1, 2, 3];
          const vectors = rounds.map((round) =>
            vectorsOf(generation.numShards, length, seed + round),
          );
          const inFlight: Outgoing[] = [];
          const at = reducers.map(() => 0);
          const seen: string[][] = reducers.map(() => []);
          const offer = (rank: number): void => {
            const round = ++at[rank]!;
            const partials = ownPartials(generation, rank, vectors[round - 1]!);
            inFlight.push(...reducers[rank]!.offer(round, partials, length));
          };
          // One event at a time, in the order that the choices say: a member that can go on does, or a message comes, or a
          // member adds up what is waiting.
          const canOffer = (): number[] =>
            at.flatMap((round, rank) => {
              const isDone = round === 0 || reducers[rank]!.result(round) !== undefined;
              if (isDone && round > 0 && seen[rank]!.length < round) {
                seen[rank]!.push(bits(reducers[rank]!.result(round)!));
              }
              return isDone && round < rounds.length ? [rank] : [];
            });
          for (;;) {
            const ready = canOffer();
            const behind = reducers.filter((reducer) => reducer.hasMore());
            const numOthers = ready.length + behind.length;
            if (numOthers + inFlight.length === 0) break;
            const choice = choices.next().value % (numOthers + inFlight.length);
            if (choice < ready.length) {
              offer(ready[choice]!);
              continue;
            }
            if (choice < numOthers) {
              inFlight.push(...behind[choice - ready.length]!.advance());
              continue;
            }
            const [{ toRank, message }] = inFlight.splice(choice - numOthers, 1) as [Outgoing];
            const receipt = reducers[toRank]!.receive(arrived(message));
            if (receipt.outcome !== 'taken' && receipt.outcome !== 'held')
              throw new Error(receipt.reason);
            inFlight.push(...receipt.outgoing);
          }
          for (const ofMember of seen) expect(ofMember).toEqual(vectors.map(alone));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('loses nothing when every stream breaks at any point and the last two rounds are repeated', () => {
    fc.assert(
      fc.property(
        anySplit,
        anyBucketElements,
        fc.boolean(),
        fc.nat(),
        fc.array(fc.nat(), { minLength: 1, maxLength: 60 }),
        (split, bucketElements, isTwoHop, seed, breaks) => {
          const generation = generationOf(split, { twoHopFromElements: isTwoHop ? 1 : 1000 });
          const reducers = reducersOf(generation, bucketElements);
          const vectors = [0, 1, 2].map((round) =>
            vectorsOf(generation.numShards, 20, seed + round),
          );
          // One stream per pair; its chunks arrive in order.
          const streams = new Map<string, Stream>();
          const push = (from: number, outgoing: readonly Outgoing[]): void => {
            for (const { toRank: to, message } of outgoing) {
              const key = `${from}>${to}`;
              const stream = streams.get(key) ?? newStream(to);
              streams.set(key, stream);
              stream.window.push(message);
              fill(stream);
            }
          };
          const at = reducers.map(() => 0);
          const seen: string[][] = reducers.map(() => []);
          for (let turn = 0; turn < 100_000; turn++) {
            const before = at.join();
            reducers.forEach((reducer, rank) => {
              if (reducer.hasMore()) push(rank, reducer.advance());
              const round = at[rank]!;
              const result = round === 0 ? undefined : reducer.result(round);
              if (result !== undefined && seen[rank]!.length < round)
                seen[rank]!.push(bits(result));
              if ((round > 0 && result === undefined) || round === vectors.length) return;
              at[rank] = round + 1;
              const partials = ownPartials(generation, rank, vectors[round]!);
              push(rank, reducer.offer(round + 1, partials, 20));
            });
            const alive = [...streams.values()].filter((stream) => stream.underWay.length > 0);
            const isBehind = reducers.some((reducer) => reducer.hasMore());
            if (alive.length === 0 && !isBehind && at.join() === before) break;
            if (alive.length === 0) continue;
            const stream = alive[(turn * 7 + seed) % alive.length]!;
            if (turn < breaks.length && breaks[turn]! % 2 === 0) {
              // What was under way is gone; what was sent before comes again.
              stream.underWay = [];
              stream.reader = new FrameReader();
              stream.window.restart();
              fill(stream);
              continue;
            }
            for (const message of stream.reader.read(stream.underWay.shift()!)) {
              const receipt = reducers[stream.to]!.receive(message);
              if (receipt.outcome === 'refused') throw new Error(receipt.reason);
              push(stream.to, receipt.outgoing);
            }
          }
          for (const ofMember of seen) expect(ofMember).toEqual(vectors.map(alone));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('waits for a message of every member, also of one without shards', () => {
    for (const twoHopFromElements of [1, 1000]) {
      const generation = generationOf([2, 0, 2], { twoHopFromElements });
      const reducers = reducersOf(generation);
      const vectors = vectorsOf(4, 40, 5);
      const sent = reducers.map((reducer, rank) =>
        reducer.offer(1, ownPartials(generation, rank, vectors), 40),
      );
      const to0 = (rank: number): PeerMessage[] =>
        sent[rank]!.filter((one) => one.toRank === 0).map((one) => arrived(one.message));
      expect(to0(1).map((message) => message.kind)).toEqual(['empty']);
      for (const message of to0(2)) reducers[0]!.receive(message);
      expect(reducers[0]!.result(1)).toBeUndefined();
      for (const message of to0(1)) reducers[0]!.receive(message);
      if (twoHopFromElements === 1) {
        // The first hop is over; both others owe their segment.
        expect(reducers[0]!.result(1)).toBeUndefined();
      } else {
        expect(bits(reducers[0]!.result(1)!)).toBe(alone(vectors));
      }
    }
  });

  it('is over at once for a single member', () => {
    const generation = generationOf([3]);
    const vectors = vectorsOf(3, 4, 1);
    const [reducer] = reducersOf(generation);
    expect(reducer!.offer(1, ownPartials(generation, 0, vectors), 4)).toEqual([]);
    expect(bits(reducer!.result(1)!)).toBe(alone(vectors));
  });

  it('gives its own partials to the pool two rounds later, when they are not sent again, and takes results from it', () => {
    const generation = generationOf([1, 1], { twoHopFromElements: 1 });
    const pool = new VectorPool();
    const length = 2 ** 15;
    const reducers = generation.members.map(
      ({ incarnation: self }, rank) =>
        new RoundReducer({ run, generation, self, ...(rank === 0 ? { pool } : {}) }),
    );
    const round = (number: number): Float32Array[] => {
      const own = reducers.map((_, rank) => new Float32Array(length).fill(number + rank));
      const sent = reducers.flatMap((reducer, rank) =>
        reducer.offer(number, [{ node: 2 + rank, values: own[rank]! }], length),
      );
      for (let next = sent.shift(); next !== undefined; next = sent.shift()) {
        sent.push(...reducers[next.toRank]!.receive(arrived(next.message)).outgoing);
      }
      expect(reducers.map((reducer) => reducer.result(number)![length - 1])).toEqual([
        2 * number + 1,
        2 * number + 1,
      ]);
      return own;
    };
    const [first] = round(1);
    round(2);
    expect(pool.takeSpare(length)).toBeUndefined();
    round(3);
    expect(reducers[0]!.result(3)).toBe(first);
  });

  it('gives a result that the caller may change without changing what was sent', () => {
    const generation = generationOf([2, 0]);
    const [reducer, peer] = reducersOf(generation);
    const sent = reducer!.offer(1, [{ node: 1, values: Float32Array.of(5) }], 1);
    for (const { message } of peer!.offer(1, [], 1)) reducer!.receive(message);
    reducer!.result(1)!.fill(99);
    expect([...sent[0]!.message.values]).toEqual([5]);
  });
});

describe('a message that is early', () => {
  it('is held for the next round, and counts then', () => {
    const { reducer, own, message } = pair();
    expect(reducer.receive(message)).toEqual({
      outcome: 'held',
      reason: 'round 1 is to come',
      outgoing: [],
    });
    reducer.offer(1, own, 2);
    expect([...reducer.result(1)!]).toEqual([11, 22]);
    // Round 2 comes while round 1 is the current one.
    const second = { ...message, round: 2, values: Float32Array.of(1, 1) };
    expect(reducer.receive(second).outcome).toBe('held');
    reducer.offer(2, own, 2);
    expect([...reducer.result(2)!]).toEqual([2, 3]);
  });

  it('of a newer generation is kept for that generation', () => {
    const { reducer, own, message } = pair();
    const newer = { ...message, generation: { term: 1, number: 2 } };
    expect(reducer.receive(newer)).toEqual({
      outcome: 'held',
      reason: 'generation 1.2 is to come',
      outgoing: [],
    });
    reducer.offer(1, own, 2);
    expect(reducer.result(1)).toBeUndefined();
    const next = new RoundReducer({
      run,
      generation: generationOf([1, 1], { number: 2 }),
      self: incarnation(0),
    });
    for (const held of reducer.takeNewer()) expect(next.receive(held).outcome).toBe('held');
    expect(reducer.takeNewer()).toEqual([]);
    next.offer(1, own, 2);
    expect([...next.result(1)!]).toEqual([11, 22]);
  });

  it('and contradicts the round fails the offer with both lengths', () => {
    const { reducer, own, message } = pair();
    reducer.receive({ ...message, vectorLength: 3, values: new Float32Array(3) });
    let error: unknown;
    try {
      reducer.offer(1, own, 2);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      code: 'FT_REDUCE_MISMATCH',
      phase: 'reduce',
      message:
        'Round 1 of generation 1.1 cannot be summed. A message of rank 1 does not fit: its vector has 3 elements, round 1 has 2.',
    });
  });
});

describe('a message that is late', () => {
  it('is stale, of an older generation as of a past round', () => {
    const { reducer, own, message } = pair();
    const older = { ...message, generation: { term: 0, number: 9 } };
    expect(reducer.receive(older)).toEqual({
      outcome: 'stale',
      reason: 'generation 0.9 is past',
      outgoing: [],
    });
    reducer.offer(1, own, 2);
    reducer.receive(message);
    expect(reducer.receive(message)).toEqual({
      outcome: 'stale',
      reason: 'round 1 is past',
      outgoing: [],
    });
    reducer.offer(2, own, 2);
    expect(reducer.receive(message).outcome).toBe('stale');
  });

  it('counts once when it is repeated', () => {
    const generation = generationOf([1, 1, 1]);
    const [reducer, peer] = reducersOf(generation);
    const own = (rank: number) => ownPartials(generation, rank, vectorsOf(3, 2, 3));
    reducer!.offer(1, own(0), 2);
    const { message } = peer!.offer(1, own(1), 2).find((one) => one.toRank === 0)!;
    expect(reducer!.receive(message).reason).toBe('expected');
    expect(reducer!.receive(structuredClone(message))).toEqual({
      outcome: 'taken',
      reason: 'a repetition',
      outgoing: [],
    });
    expect(reducer!.result(1)).toBeUndefined(); // rank 2 is still to be heard
  });
});

describe('a message that contradicts the generation', () => {
  const { message: good } = pair();
  const cases: [string, Partial<PeerMessage>, string][] = [
    ['another run', { run: 'ffffffffffffffff' }, `it is of run ffffffffffffffff, not of ${run}`],
    ['a rank that is no member', { from: 2 }, 'rank 2 is not in a generation of 2 members'],
    ['the own rank', { from: 0, node: 2 }, 'rank 0 is the receiver itself'],
    ['a round that is not one', { round: 0 }, 'round 0 does not exist'],
    ['a node that the sender does not own', { node: 2 }, 'rank 1 does not own tree node 2'],
    ['another count', { count: 2 }, 'rank 1 announces 2 messages of kind partial, not 1'],
    ['a negative offset', { offset: -1 }, 'elements [-1, 1) are outside of a vector of 2'],
    ['an offset out of range', { offset: 1 }, 'elements [1, 3) are outside of a vector of 2'],
    [
      'a part where the whole is due',
      { values: Float32Array.of(1) },
      'a message of kind partial has elements [0, 1), not [0, 2)',
    ],
    [
      'another vector length',
      { vectorLength: 3, values: new Float32Array(3) },
      'its vector has 3 elements, round 1 has 2',
    ],
    [
      'no shards, from one that owns some',
      { kind: 'empty', node: 0, values: new Float32Array(0) },
      'rank 1 owns shards, yet sends none',
    ],
    ['a segment in one hop', { kind: 'segment', node: 0 }, 'a vector of 2 elements takes one hop'],
    ['a node where there is none', { kind: 'empty' }, 'a message of kind empty has no tree node 3'],
    ['a round too far ahead', { round: 3 }, 'round 3 cannot have begun: round 1 is not over'],
  ];
  for (const [what, change, reason] of cases) {
    it(`is refused: ${what}`, () => {
      const { reducer, own } = pair();
      reducer.offer(1, own, 2);
      expect(reducer.receive({ ...good, ...change })).toEqual({
        outcome: 'refused',
        reason,
        outgoing: [],
      });
      expect(reducer.result(1)).toBeUndefined();
      expect(reducer.receive(good).outcome).toBe('taken');
      expect([...reducer.result(1)!]).toEqual([11, 22]);
    });
  }

  it('is refused: a segment of another member, in two hops', () => {
    const { reducer, own, message } = pair({ twoHopFromElements: 1 });
    reducer.offer(1, own, 2);
    // Two elements are one unit: rank 0 owns [0, 2), rank 1 owns [2, 2).
    const segment = { ...message, kind: 'segment', node: 0 } as const;
    expect(reducer.receive(segment).reason).toBe(
      'a message of kind segment has elements [0, 2), not [0, 0)',
    );
  });

  it('is refused: a repetition with other values', () => {
    const generation = generationOf([1, 1, 1]);
    const [reducer, peer] = reducersOf(generation);
    const own = (rank: number) => ownPartials(generation, rank, vectorsOf(3, 2, 3));
    reducer!.offer(1, own(0), 2);
    const { message } = peer!.offer(1, own(1), 2).find((one) => one.toRank === 0)!;
    reducer!.receive(message);
    const other = { ...message, values: message.values.map((x) => -x) };
    expect(reducer!.receive(other)).toEqual({
      outcome: 'refused',
      reason: 'rank 1 sent other values before',
      outgoing: [],
    });
  });

  it('cannot fill the memory: rounds before the first, and newer generations, are bounded', () => {
    const { reducer, message } = pair();
    expect(reducer.receive({ ...message, round: 5 }).outcome).toBe('held');
    expect(reducer.receive({ ...message, round: 6 }).outcome).toBe('held');
    expect(reducer.receive({ ...message, round: 7 })).toEqual({
      outcome: 'refused',
      reason: 'messages of two other rounds are held, before the first one',
      outgoing: [],
    });
    const newer = { ...message, generation: { term: 2, number: 1 } };
    let held = 0;
    while (reducer.receive(newer).outcome === 'held') held++;
    expect(held).toBe(327_680);
  });
});

describe('misuse by the caller', () => {
  it('is an error: rounds out of order, foreign partials, no member, no partition', () => {
    const { reducer, own, generation } = pair();
    expect(() => reducer.offer(1, [{ node: 3, values: new Float32Array(2) }], 2)).toThrow(
      'Round 1: the partials are not those of the owned shards.',
    );
    reducer.offer(1, own, 2);
    expect(() => reducer.offer(2, own, 2)).toThrow(
      'Round 2 is offered while round 1 is the current one.',
    );
    expect(() => new RoundReducer({ run, generation, self: 'nobody' })).toThrow(
      'nobody is not in generation 1.1.',
    );
    expect(
      () =>
        new RoundReducer({
          run,
          generation: { ...generation, numShards: 3 },
          self: incarnation(0),
        }),
    ).toThrow('Generation 1.1 owns 2 of 3 shards.');
  });
});
