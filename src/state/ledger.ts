import { createHash } from 'node:crypto';
import { littleEndianBytes } from './little-endian.js';

/** The ledger of a run that has applied no round. */
export const unstartedLedger = '0'.repeat(64);

/**
 * The running hash after one more round: SHA-256 of (the previous hash's 32 bytes, the round as float64, the
 * reduced vector as float32), little-endian. Two workers, or a run and its recomputation, that ever applied
 * different sums differ from there on.
 */
export function extendLedger(ledger: string, round: number, reduced: Float32Array): string {
  return createHash('sha256')
    .update(ledger, 'hex')
    .update(littleEndianBytes(Float64Array.of(round)))
    .update(littleEndianBytes(reduced))
    .digest('hex');
}
