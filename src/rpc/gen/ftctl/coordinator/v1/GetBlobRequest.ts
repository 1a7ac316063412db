// Generated from proto/ by `npm run proto:types`. Do not edit.

export interface GetBlobRequestInput {
  /**
   * Hex.
   */
  'sha256'?: (string);
}

export interface GetBlobRequest {
  /**
   * Hex.
   */
  'sha256': (string);
}
