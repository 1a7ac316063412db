import fc from 'fast-check';
import type { Generation } from '../../../src/rpc/generation.js';

/** Incarnation of a rank in the tests. */
export const incarnation = (rank: number): string => `worker-${rank}`;

/** A generation whose members own the given numbers of shards, in order. */
export function generationOf(
  shardsOfMembers: readonly number[],
  options: { twoHopFromElements?: number; term?: number; number?: number } = {},
): Generation {
  let firstShard = 0;
  const members = shardsOfMembers.map((numShards, rank) => {
    const member = { incarnation: incarnation(rank), rank, address: '', firstShard, numShards };
    firstShard += numShards;
    return member;
  });
  return {
    id: { term: options.term ?? 1, number: options.number ?? 1 },
    members,
    numShards: firstShard,
    twoHopFromElements: options.twoHopFromElements ?? Number.MAX_SAFE_INTEGER,
  };
}

/** Any contiguous split of 1..40 shards over 1..9 members, some without shards. */
export const anySplit: fc.Arbitrary<number[]> = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 }))
  .chain(([numShards, numMembers]) =>
    fc
      .array(fc.integer({ min: 0, max: numShards }), {
        minLength: numMembers - 1,
        maxLength: numMembers - 1,
      })
      .map((cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), numShards];
        return edges.slice(1).map((edge, i) => edge - edges[i]!);
      }),
  );

/** Values whose sum depends on the order of additions, with zeros of both signs and what is not finite. */
const awkward = [0, -0, 1e-45, -1e-45, 3.4e38, -3.4e38, Infinity, -Infinity, NaN, 1, 1 / 3];

/** One vector per shard, a function of the seed alone. */
export function vectorsOf(numShards: number, length: number, seed: number): Float32Array[] {
  let state = seed >>> 0;
  const next = (): number => {
    // xorshift32 is enough for test values.
    state = (state ^ (state << 13)) >>> 0 || 1;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    return state;
  };
  const value = (): number => {
    const bits = next();
    if (bits % 16 === 0) return awkward[next() % awkward.length]!;
    return (next() / 2 ** 31 - 1) * 2 ** ((bits % 41) - 20);
  };
  return Array.from({ length: numShards }, () => Float32Array.from({ length }, value));
}

/** The bits of a vector, with every NaN the same: which NaN comes of an addition is the machine's business. */
export function bits(vector: Float32Array): string {
  const canonical = Float32Array.from(vector, (x) => (Number.isNaN(x) ? NaN : x));
  return Buffer.from(canonical.buffer).toString('hex');
}
