import { compareGenerations, type Generation, type GenerationId } from '../rpc/generation.js';

/** Who wants to receive what this worker sends. */
export interface ReceiverRequest {
  readonly generation: GenerationId;
  /** Incarnations of the caller, and of whom it expects here. */
  readonly receiver: string;
  readonly sender: string;
}

export interface Admission {
  /** `wait`: this worker may hear of the caller's generation yet. */
  readonly outcome: 'accept' | 'wait' | 'refuse';
  readonly reason: string;
}

/** What a worker knows of its peers. */
export interface Known {
  /** The own incarnation; undefined before the first generation. */
  readonly self: string | undefined;
  /** The generations that it has opened. */
  readonly generations: readonly Generation[];
  /** Members of those whose streams were lost, which only a newer generation can open again; with the cause. */
  readonly lost: ReadonlyMap<string, string>;
}

/** Whether a receiver is a member of a generation that this worker has opened. */
export function admit(request: ReceiverRequest, known: Known): Admission {
  if (known.self === undefined) return { outcome: 'wait', reason: 'no generation is open' };
  if (request.sender !== known.self) {
    return { outcome: 'refuse', reason: `incarnation ${request.sender} is not at this address` };
  }
  if (request.receiver === known.self) {
    return { outcome: 'refuse', reason: `${request.receiver} is the incarnation called` };
  }
  const isMember = known.generations.some((generation) =>
    generation.members.some((member) => member.incarnation === request.receiver),
  );
  const lost = known.lost.get(request.receiver);
  if (isMember && lost === undefined) {
    return { outcome: 'accept', reason: 'a member of an open generation' };
  }
  const isNewer = known.generations.every(
    (generation) => compareGenerations(request.generation, generation.id) > 0,
  );
  if (isNewer) return { outcome: 'wait', reason: 'its generation is newer than those open' };
  return lost === undefined
    ? { outcome: 'refuse', reason: `incarnation ${request.receiver} is not a member` }
    : { outcome: 'refuse', reason: `the streams with it were given up (${lost})` };
}
