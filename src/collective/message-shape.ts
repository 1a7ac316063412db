import type { Generation } from '../rpc/generation.js';
import type { PeerMessage } from './messages.js';
import { numHops, segmentOf } from './schedule.js';

/**
 * Whether a message can come from its sender in this generation, whatever the round. Gives what is wrong, else
 * undefined. `nodes` are the tree nodes that each rank sends.
 */
export function checkShape(
  message: PeerMessage,
  generation: Generation,
  selfRank: number,
  nodes: readonly (readonly number[])[],
): string | undefined {
  const { from, kind, node, count, vectorLength, offset, values } = message;
  const numMembers = generation.members.length;
  if (!isIndex(from) || from >= numMembers) {
    return `rank ${from} is not in a generation of ${numMembers} members`;
  }
  if (from === selfRank) return `rank ${from} is the receiver itself`;
  if (!isIndex(message.round) || message.round < 1) return `round ${message.round} does not exist`;
  if (!isIndex(vectorLength) || vectorLength < 1)
    return `a vector cannot have ${vectorLength} elements`;
  if (!isIndex(offset) || offset + values.length > vectorLength) {
    return `elements [${offset}, ${offset + values.length}) are outside of a vector of ${vectorLength}`;
  }
  const sent = nodes[from]!;
  const hops = numHops(generation, vectorLength);
  if (kind === 'segment' && hops === 1) return `a vector of ${vectorLength} elements takes one hop`;
  if (kind === 'partial' && !sent.includes(node))
    return `rank ${from} does not own tree node ${node}`;
  if (kind !== 'partial' && node !== 0) return `a message of kind ${kind} has no tree node ${node}`;
  if (kind === 'empty' && sent.length > 0) return `rank ${from} owns shards, yet sends none`;

  const expectedCount = kind === 'partial' ? sent.length : 1;
  if (count !== expectedCount) {
    return `rank ${from} announces ${count} messages of kind ${kind}, not ${expectedCount}`;
  }
  const expected =
    kind === 'empty'
      ? { offset: 0, length: 0 }
      : hops === 1
        ? { offset: 0, length: vectorLength }
        : segmentOf(kind === 'segment' ? from : selfRank, numMembers, vectorLength);
  if (offset !== expected.offset || values.length !== expected.length) {
    return (
      `a message of kind ${kind} has elements [${offset}, ${offset + values.length}), ` +
      `not [${expected.offset}, ${expected.offset + expected.length})`
    );
  }
  return undefined;
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
