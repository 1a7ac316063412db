/** A generation's id: (term, number), compared in that order. */
export interface GenerationId {
  readonly term: number;
  readonly number: number;
}

/** Negative, zero or positive, as a comes before, with, or after b. */
export function compareGenerations(a: GenerationId, b: GenerationId): number {
  return a.term - b.term || a.number - b.number;
}

/** For people and logs: `1.4`. */
export function formatGeneration(id: GenerationId): string {
  return `${id.term}.${id.number}`;
}

/** A member is a process incarnation, never a rank: a restarted worker is another member. */
export interface Member {
  /** Random, made by the process at its start. */
  readonly incarnation: string;
  /** Position in the generation's list. */
  readonly rank: number;
  /** `host:port` of its collective service. */
  readonly address: string;
  /** Owned shards: [firstShard, firstShard + numShards). */
  readonly firstShard: number;
  readonly numShards: number;
}

/** One membership. Everything that must agree between members is here, never a local choice. */
export interface Generation {
  readonly id: GenerationId;
  readonly members: readonly Member[];
  readonly numShards: number;
  /** Vectors of at least this many elements take two hops; shorter ones take one. */
  readonly twoHopFromElements: number;
}
