// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * One process incarnation in a generation.
 */
export interface MemberInput {
  /**
   * Random, made by the process at its start.
   */
  'incarnation'?: (string);
  /**
   * Position in the generation's list.
   */
  'rank'?: (number);
  /**
   * host:port of the member's CollectiveService.
   */
  'address'?: (string);
  /**
   * Owned shards: [first_shard, first_shard + num_shards).
   */
  'firstShard'?: (number);
  'numShards'?: (number);
}

/**
 * One process incarnation in a generation.
 */
export interface Member {
  /**
   * Random, made by the process at its start.
   */
  'incarnation': (string);
  /**
   * Position in the generation's list.
   */
  'rank': (number);
  /**
   * host:port of the member's CollectiveService.
   */
  'address': (string);
  /**
   * Owned shards: [first_shard, first_shard + num_shards).
   */
  'firstShard': (number);
  'numShards': (number);
}
