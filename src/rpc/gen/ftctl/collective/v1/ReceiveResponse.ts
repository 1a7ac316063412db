// Generated from proto/ by `npm run proto:types`. Do not edit.

/**
 * Hot path: written and read by hand (src/collective/wire.ts), yet valid protobuf.
 */
export interface ReceiveResponseInput {
  /**
   * One or more frames back to back, at most 256 KiB in all. A frame is a header of 64 bytes and a run of float32
   * values; a message longer than one frame continues in the next ones, in order. All numbers are little-endian.
   * 
   * offset  type      field
   * 0  uint32    magic 0x31435446 ("FTC1")
   * 4  uint8     kind: 1 partial, 2 segment, 3 empty
   * 5  uint8[3]  zero
   * 8  byte[8]   run: first 8 bytes of SHA-256 over the run's id and manifest hash
   * 16  uint32    generation: term
   * 20  uint32    generation: number
   * 24  uint32    round
   * 28  uint32    rank of the sender in the generation
   * 32  uint32    tree node; 0 for segment and empty
   * 36  uint32    messages of this kind from this sender to this receiver in this round
   * 40  uint32    elements of the whole vector
   * 44  uint32    element of the vector where the message's values start
   * 48  uint32    values in the message
   * 52  uint32    value of the message where this frame starts
   * 56  uint32    values in this frame
   * 60  uint32    zero
   * 64  float32[] values of this frame
   */
  'frames'?: (Buffer | Uint8Array | string);
}

/**
 * Hot path: written and read by hand (src/collective/wire.ts), yet valid protobuf.
 */
export interface ReceiveResponse {
  /**
   * One or more frames back to back, at most 256 KiB in all. A frame is a header of 64 bytes and a run of float32
   * values; a message longer than one frame continues in the next ones, in order. All numbers are little-endian.
   * 
   * offset  type      field
   * 0  uint32    magic 0x31435446 ("FTC1")
   * 4  uint8     kind: 1 partial, 2 segment, 3 empty
   * 5  uint8[3]  zero
   * 8  byte[8]   run: first 8 bytes of SHA-256 over the run's id and manifest hash
   * 16  uint32    generation: term
   * 20  uint32    generation: number
   * 24  uint32    round
   * 28  uint32    rank of the sender in the generation
   * 32  uint32    tree node; 0 for segment and empty
   * 36  uint32    messages of this kind from this sender to this receiver in this round
   * 40  uint32    elements of the whole vector
   * 44  uint32    element of the vector where the message's values start
   * 48  uint32    values in the message
   * 52  uint32    value of the message where this frame starts
   * 56  uint32    values in this frame
   * 60  uint32    zero
   * 64  float32[] values of this frame
   */
  'frames': (Buffer);
}
