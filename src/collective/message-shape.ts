import type { Generation } from '../rpc/generation.js';
import type { PeerMessage } from './messages.js';
import { bucketAt, numHops, type Segment, segmentOf } from './schedule.js';

/** What the messages of a generation's rounds depend on. */
export interface SumPlan {
  readonly generation: Generation;
  readonly selfRank: number;
  /** Tree nodes that each rank sends partials of. */
  readonly nodes: readonly (readonly number[])[];
  readonly bucketElements: number;
}

/** Whether a message can come from its sender in this generation, whatever the round. Gives what is wrong, else undefined. */
export function checkShape(message: PeerMessage, plan: SumPlan): string | undefined {
  const { from, kind, node, count, vectorLength, offset, values } = message;
  const { generation, selfRank, nodes } = plan;
  const numMembers = generation.members.length;
  if (!isIndex(from) || from >= numMembers) {
    return `rank ${from} is not in a generation of ${numMembers} members`;
  }
  if (from === selfRank) return `rank ${from} is the receiver itself`;
  if (!isIndex(message.round) || message.round < 1) return `round ${message.round} does not exist`;
  if (!isIndex(vectorLength) || vectorLength < 1)
    return `a vector cannot have ${vectorLength} elements`;
  if (!isIndex(offset) || offset >= vectorLength || offset + values.length > vectorLength) {
    return `elements [${offset}, ${offset + values.length}) are outside of a vector of ${vectorLength}`;
  }
  const sent = nodes[from]!;
  if (kind === 'segment' && numHops(generation, vectorLength) === 1)
    return `a vector of ${vectorLength} elements takes one hop`;
  if (kind === 'partial' && !sent.includes(node))
    return `rank ${from} does not own tree node ${node}`;
  if (kind !== 'partial' && node !== 0) return `a message of kind ${kind} has no tree node ${node}`;
  if (kind === 'empty' && sent.length > 0) return `rank ${from} owns shards, yet sends none`;

  const numBuckets = Math.ceil(vectorLength / plan.bucketElements);
  const expectedCount =
    kind === 'empty' ? 1 : kind === 'partial' ? sent.length * numBuckets : numBuckets;
  if (count !== expectedCount) {
    return `rank ${from} announces ${count} messages of kind ${kind}, not ${expectedCount}`;
  }
  const expected = partOf(message, plan);
  if (offset !== expected.offset || values.length !== expected.length) {
    return (
      `a message of kind ${kind} has elements [${offset}, ${offset + values.length}), ` +
      `not [${expected.offset}, ${expected.offset + expected.length})`
    );
  }
  return undefined;
}

/** The part of its bucket that a message must have. */
function partOf({ from, kind, vectorLength, offset }: PeerMessage, plan: SumPlan): Segment {
  if (kind === 'empty') return { offset: 0, length: 0 };
  const { generation, selfRank, bucketElements } = plan;
  const bucket = bucketAt(Math.floor(offset / bucketElements), vectorLength, bucketElements);
  if (numHops(generation, vectorLength) === 1) return bucket;
  return segmentOf(kind === 'segment' ? from : selfRank, generation.members.length, bucket);
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
