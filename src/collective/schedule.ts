import type { Generation } from '../rpc/generation.js';

/** Segments start at multiples of this many elements (64 bytes: a cache line). */
const SEGMENT_ALIGNMENT = 16;

/**
 * Elements of a bucket: 4 MiB. A vector is summed bucket by bucket, so that a long one is sent, added up and sent back at the same
 * time, and no addition takes long: that of two buckets takes about 1 ms.
 */
export const BUCKET_ELEMENTS = 2 ** 20;

/** Vectors of at least this many elements (64 KiB) travel in two hops; bench/allreduce.bench.ts finds the crossover between 16 and 115 KB. */
export const TWO_HOP_ELEMENTS = 16_384;

/** A part of a vector: [offset, offset + length), in elements. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

/** Whether a vector of this length takes one hop or two. Only the generation decides. */
export function numHops(generation: Generation, vectorLength: number): 1 | 2 {
  return vectorLength >= generation.twoHopFromElements ? 2 : 1;
}

/** The buckets of a vector, in order: all of `bucketElements` but for the last. They follow from the length alone. */
export function bucketsOf(vectorLength: number, bucketElements: number): Segment[] {
  return Array.from({ length: Math.ceil(vectorLength / bucketElements) }, (_, index) =>
    bucketAt(index, vectorLength, bucketElements),
  );
}

export function bucketAt(index: number, vectorLength: number, bucketElements: number): Segment {
  const offset = index * bucketElements;
  return { offset, length: Math.min(bucketElements, vectorLength - offset) };
}

/**
 * The part of a bucket that a rank owns in two hops: contiguous, aligned, lengths differ by at most one alignment unit. A
 * bucket with fewer units than members leaves the last members an empty segment, at the bucket's start.
 */
export function segmentOf(rank: number, numMembers: number, bucket: Segment): Segment {
  const units = Math.ceil(bucket.length / SEGMENT_ALIGNMENT);
  const small = Math.floor(units / numMembers);
  const numLarger = units % numMembers;
  const firstUnit = rank * small + Math.min(rank, numLarger);
  const numUnits = small + (rank < numLarger ? 1 : 0);
  if (numUnits === 0) return { offset: bucket.offset, length: 0 };
  const start = firstUnit * SEGMENT_ALIGNMENT;
  const end = Math.min((firstUnit + numUnits) * SEGMENT_ALIGNMENT, bucket.length);
  return { offset: bucket.offset + start, length: end - start };
}
