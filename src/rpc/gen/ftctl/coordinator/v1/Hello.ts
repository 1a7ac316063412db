// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * Names the process behind the stream.
 */
export interface HelloInput {
  'incarnation'?: (string);
  /**
   * The place that the launcher gave the process; ranks are sorted by it.
   */
  'slot'?: (number);
  'pid'?: (number);
  'host'?: (string);
  /**
   * host:port of the worker's CollectiveService.
   */
  'address'?: (string);
  /**
   * host:port of the worker's metrics; empty if it has none.
   */
  'metricsAddress'?: (string);
  /**
   * Canonical JSON of the numeric environment.
   */
  'fingerprint'?: (string);
  /**
   * Hash of the numeric probe's results.
   */
  'probe'?: (string);
}

/**
 * Names the process behind the stream.
 */
export interface Hello {
  'incarnation': (string);
  /**
   * The place that the launcher gave the process; ranks are sorted by it.
   */
  'slot': (number);
  'pid': (number);
  'host': (string);
  /**
   * host:port of the worker's CollectiveService.
   */
  'address': (string);
  /**
   * host:port of the worker's metrics; empty if it has none.
   */
  'metricsAddress': (string);
  /**
   * Canonical JSON of the numeric environment.
   */
  'fingerprint': (string);
  /**
   * Hash of the numeric probe's results.
   */
  'probe': (string);
}
