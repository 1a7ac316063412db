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

/** Whether a receiver is a member of a generation that this worker has opened. */
export function admit(
  request: ReceiverRequest,
  known: { readonly self: string | undefined; readonly generations: readonly Generation[] },
): Admission {
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
  if (isMember) return { outcome: 'accept', reason: 'a member of an open generation' };
  const isNewer = known.generations.every(
    (generation) => compareGenerations(request.generation, generation.id) > 0,
  );
  return isNewer
    ? { outcome: 'wait', reason: 'its generation is newer than those open' }
    : { outcome: 'refuse', reason: `incarnation ${request.receiver} is not a member` };
}
