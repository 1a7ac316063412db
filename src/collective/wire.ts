import { FtctlError } from '../errors/index.js';
import type { PeerMessage } from './messages.js';
import { VectorPool } from './vector-pool.js';

// The data message of CollectiveService.Receive, written and read by hand: docs/wire.md and the comment of
// ReceiveResponse in proto/ftctl/collective/v1/collective.proto give the layout. Little-endian, as every machine
// that onnxruntime-node runs on.

export const HEADER_BYTES = 64;
/** A gRPC message holds at most this many bytes of frames. */
export const MAX_CHUNK_BYTES = 256 * 1024;
/** 2^28 elements are 1 GiB; the largest supported network (vgg16_bn, all layers) has 2^27.1 parameters. */
export const MAX_VECTOR_ELEMENTS = 2 ** 28;

/** The most bytes of a ReceiveResponse: of its frames, and the field's tag and length before them. */
export const MAX_RESPONSE_BYTES = 5 + MAX_CHUNK_BYTES;

const MAGIC = 0x31435446;
const KINDS = ['partial', 'segment', 'empty'] as const;
/** Protobuf: field 1, length-delimited. */
const FRAMES_TAG = 0x0a;

/** A part of a message's values: [start, start + length). */
export interface Frame {
  readonly message: PeerMessage;
  readonly start: number;
  readonly length: number;
}

/** How many values of a message fit in a frame when `usedBytes` of the chunk are taken; negative: not even a header. */
export function valuesThatFit(usedBytes: number): number {
  return Math.floor((MAX_CHUNK_BYTES - usedBytes - HEADER_BYTES) / 4);
}

export function frameBytes(frame: Frame): number {
  return HEADER_BYTES + 4 * frame.length;
}

/** The protobuf bytes of a ReceiveResponse that holds the frames: the first bytes of `into`, where there is one. */
export function encodeFrames(frames: readonly Frame[], into?: Buffer): Buffer {
  const payloadBytes = frames.reduce((sum, frame) => sum + frameBytes(frame), 0);
  const prefixBytes = 1 + varintBytes(payloadBytes);
  const numBytes = prefixBytes + payloadBytes;
  const out = into === undefined ? Buffer.allocUnsafe(numBytes) : into.subarray(0, numBytes);
  out[0] = FRAMES_TAG;
  writeVarint(out, 1, payloadBytes);
  let at = prefixBytes;
  for (const frame of frames) {
    writeHeader(out, at, frame);
    const { values } = frame.message;
    const source = Buffer.from(
      values.buffer,
      values.byteOffset + 4 * frame.start,
      4 * frame.length,
    );
    source.copy(out, at + HEADER_BYTES);
    at += frameBytes(frame);
  }
  return out;
}

/** Puts the messages of one stream together again. Throws FT_WIRE_DAMAGED; the stream is then of no use. */
export class FrameReader {
  readonly #pool: VectorPool;
  #open: { message: PeerMessage; filled: number } | undefined;

  /** `pool`: where the messages' values come from. */
  constructor(pool = new VectorPool()) {
    this.#pool = pool;
  }

  /** The messages that a ReceiveResponse completes. Their values are copies: the buffer may be misaligned. */
  read(response: Buffer): PeerMessage[] {
    const messages: PeerMessage[] = [];
    const [payloadBytes, start] = readPrefix(response);
    if (start + payloadBytes !== response.length || payloadBytes > MAX_CHUNK_BYTES) {
      throw damaged(
        `it announces ${payloadBytes} bytes of frames and has ${response.length - start}`,
      );
    }
    for (let at = start; at < response.length;) at = this.#readFrame(response, at, messages);
    return messages;
  }

  #readFrame(bytes: Buffer, at: number, messages: PeerMessage[]): number {
    if (bytes.length - at < HEADER_BYTES) throw damaged('a frame ends within its header');
    const header = readHeader(bytes, at);
    const first = at + HEADER_BYTES;
    const end = first + 4 * header.length;
    if (end > bytes.length) throw damaged('a frame ends within its values');
    const open = this.#open ?? { message: newMessage(header, this.#pool), filled: 0 };
    if (this.#open !== undefined && !continues(open.message, header)) {
      throw damaged('a message begins before the one before it is whole');
    }
    if (header.start !== open.filled) {
      throw damaged(`a frame starts at value ${header.start}, not ${open.filled}`);
    }
    const { values } = open.message;
    if (open.filled + header.length > values.length) {
      throw damaged(`a message of ${values.length} values gets more than those`);
    }
    new Uint8Array(values.buffer, values.byteOffset).set(
      bytes.subarray(first, end),
      4 * open.filled,
    );
    open.filled += header.length;
    const isWhole = open.filled === values.length;
    if (isWhole) messages.push(open.message);
    this.#open = isWhole ? undefined : open;
    return end;
  }
}

interface Header extends Omit<PeerMessage, 'values'> {
  readonly numValues: number;
  readonly start: number;
  readonly length: number;
}

function writeHeader(out: Buffer, at: number, { message, start, length }: Frame): void {
  out.writeUInt32LE(MAGIC, at);
  out.writeUInt32LE(KINDS.indexOf(message.kind) + 1, at + 4);
  out.write(message.run, at + 8, 8, 'hex');
  const fields = [
    message.generation.term,
    message.generation.number,
    message.round,
    message.from,
    message.node,
    message.count,
    message.vectorLength,
    message.offset,
    message.values.length,
    start,
    length,
    0,
  ];
  fields.forEach((field, i) => out.writeUInt32LE(field, at + 16 + 4 * i));
}

function readHeader(bytes: Buffer, at: number): Header {
  const field = (offset: number): number => bytes.readUInt32LE(at + offset);
  if (field(0) !== MAGIC) throw damaged('a frame does not start with "FTC1"');
  const kind = KINDS[field(4) - 1];
  if (kind === undefined) throw damaged(`there is no message kind ${field(4)}`);
  const vectorLength = field(40);
  const numValues = field(48);
  if (vectorLength > MAX_VECTOR_ELEMENTS || field(44) + numValues > vectorLength) {
    throw damaged(
      `values [${field(44)}, ${field(44) + numValues}) of a vector of ${vectorLength} elements ` +
        `(at most ${MAX_VECTOR_ELEMENTS})`,
    );
  }
  return {
    kind,
    run: bytes.toString('hex', at + 8, at + 16),
    generation: { term: field(16), number: field(20) },
    round: field(24),
    from: field(28),
    node: field(32),
    count: field(36),
    vectorLength,
    offset: field(44),
    numValues,
    start: field(52),
    length: field(56),
  };
}

function newMessage(header: Header, pool: VectorPool): PeerMessage {
  const { run, generation, round, from, kind, node, count, vectorLength, offset } = header;
  const values = pool.take(header.numValues);
  return { run, generation, round, from, kind, node, count, vectorLength, offset, values };
}

function continues(message: PeerMessage, header: Header): boolean {
  return (
    message.kind === header.kind &&
    message.run === header.run &&
    message.generation.term === header.generation.term &&
    message.generation.number === header.generation.number &&
    message.round === header.round &&
    message.from === header.from &&
    message.node === header.node &&
    message.count === header.count &&
    message.vectorLength === header.vectorLength &&
    message.offset === header.offset &&
    message.values.length === header.numValues
  );
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

function writeVarint(out: Buffer, at: number, value: number): void {
  let rest = value;
  let position = at;
  while (rest >= 0x80) {
    out[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[position] = rest;
}

/** Length of the frames, and where they start. */
function readPrefix(response: Buffer): [number, number] {
  if (response[0] !== FRAMES_TAG) throw damaged('it has no frames');
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = response[i];
    if (byte === undefined) break;
    value |= (byte & 0x7f) << (7 * (i - 1));
    if (byte < 0x80) return [value, i + 1];
  }
  throw damaged('the length of its frames cannot be read');
}

function damaged(why: string): FtctlError {
  return new FtctlError('FT_WIRE_DAMAGED', {
    what: 'A data message from another worker cannot be read:',
    why: `${why}.`,
    phase: 'reduce',
  });
}
