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

/** What a link costs: a message of b bytes takes `latencyMs + b / bytesPerMs`. */
export interface LinkModel {
  readonly latencyMs: number;
  readonly bytesPerMs: number;
}

/**
 * The vector length from which two hops are faster than one. With n members that send p partials of V elements each,
 *
 *   one hop  = latency + (n - 1) p 4V / bandwidth
 *   two hops = 2 latency + (n - 1) (p + 1) (4V / n) / bandwidth
 *
 * and two hops win above V = latency * bandwidth / (4 (n - 1) (p - (p + 1) / n)). Where they never win (one member,
 * or two with one partial each) the result is Number.MAX_SAFE_INTEGER.
 */
export function twoHopThreshold(
  link: LinkModel,
  numMembers: number,
  partialsPerMember: number,
): number {
  const saved = partialsPerMember - (partialsPerMember + 1) / numMembers;
  if (numMembers < 2 || saved <= 0) return Number.MAX_SAFE_INTEGER;
  return Math.ceil((link.latencyMs * link.bytesPerMs) / (4 * (numMembers - 1) * saved));
}
