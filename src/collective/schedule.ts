import type { Generation } from '../rpc/generation.js';

/** Segments start at multiples of this many elements (64 bytes: a cache line). */
const SEGMENT_ALIGNMENT = 16;

/** A part of a vector: [offset, offset + length), in elements. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

/** Whether a vector of this length takes one hop or two. Only the generation decides. */
export function numHops(generation: Generation, vectorLength: number): 1 | 2 {
  return vectorLength >= generation.twoHopFromElements ? 2 : 1;
}

/**
 * The segment that a rank owns in two hops: contiguous, aligned, lengths differ by at most one alignment unit. A
 * vector with fewer units than members leaves the last members an empty segment.
 */
export function segmentOf(rank: number, numMembers: number, vectorLength: number): Segment {
  const units = Math.ceil(vectorLength / SEGMENT_ALIGNMENT);
  const small = Math.floor(units / numMembers);
  const numLarger = units % numMembers;
  const firstUnit = rank * small + Math.min(rank, numLarger);
  const numUnits = small + (rank < numLarger ? 1 : 0);
  const offset = Math.min(firstUnit * SEGMENT_ALIGNMENT, vectorLength);
  const end = Math.min((firstUnit + numUnits) * SEGMENT_ALIGNMENT, vectorLength);
  return { offset, length: end - offset };
}
