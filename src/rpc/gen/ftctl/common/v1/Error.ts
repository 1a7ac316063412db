// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * An error as users see it: a permanent code, what happened and why, and what to do.
 */
export interface ErrorInput {
  /**
   * Such as FT_PORT_IN_USE; all are listed in docs/errors.md.
   */
  'code'?: (string);
  'message'?: (string);
  'remedy'?: (string);
  /**
   * The worker that failed, where there is one.
   */
  'rank'?: (number);
  /**
   * What was being done, such as "gradients".
   */
  'phase'?: (string);
  /**
   * Structured values: a JSON object.
   */
  'detailsJson'?: (string);
  '_rank'?: "rank";
  '_phase'?: "phase";
  '_detailsJson'?: "detailsJson";
}

/**
 * An error as users see it: a permanent code, what happened and why, and what to do.
 */
export interface Error {
  /**
   * Such as FT_PORT_IN_USE; all are listed in docs/errors.md.
   */
  'code': (string);
  'message': (string);
  'remedy': (string);
  /**
   * The worker that failed, where there is one.
   */
  'rank'?: (number);
  /**
   * What was being done, such as "gradients".
   */
  'phase'?: (string);
  /**
   * Structured values: a JSON object.
   */
  'detailsJson'?: (string);
  '_rank'?: "rank";
  '_phase'?: "phase";
  '_detailsJson'?: "detailsJson";
}
