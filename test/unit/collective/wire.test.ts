import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { load } from 'protobufjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../../src/collective/messages.js';
import { SendWindow } from '../../../src/collective/send-window.js';
import { encodeFrames, FrameReader, MAX_CHUNK_BYTES } from '../../../src/collective/wire.js';
import type { FtctlError } from '../../../src/errors/index.js';

const message = (change: Partial<PeerMessage> = {}): PeerMessage => ({
  run: '0123456789abcdef',
  generation: { term: 3, number: 4 },
  round: 5,
  from: 6,
  kind: 'partial',
  node: 7,
  count: 8,
  vectorLength: 100,
  offset: 9,
  values: Float32Array.of(1.5, -0),
  ...change,
});

const whole = (one: PeerMessage) => ({ message: one, start: 0, length: one.values.length });

/** A message with its values as one string of bits. */
const summary = ({ values, ...rest }: PeerMessage) => ({
  ...rest,
  bits: createHash('sha256')
    .update(Buffer.from(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex'),
});

/** All chunks of a window, copied to a misaligned place as the network may do. */
function chunksOf(window: SendWindow, misalignment: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let frames = window.take(); frames.length > 0; frames = window.take()) {
    const bytes = encodeFrames(frames);
    const padded = Buffer.alloc(bytes.length + misalignment);
    bytes.copy(padded, misalignment);
    chunks.push(padded.subarray(misalignment));
  }
  return chunks;
}

function code(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as FtctlError).code;
  }
  return 'none';
}

describe('the data message', () => {
  it('has the documented layout', () => {
    const bytes = encodeFrames([whole(message())]);
    // 0a: field 1, bytes; 48 = 72 bytes: header 64 and two values.
    expect(bytes.toString('hex')).toBe(
      '0a48' +
        '46544331' +
        '01000000' +
        '0123456789abcdef' +
        '03000000' +
        '04000000' +
        '05000000' +
        '06000000' +
        '07000000' +
        '08000000' +
        '64000000' +
        '09000000' +
        '02000000' +
        '00000000' +
        '02000000' +
        '00000000' +
        '0000c03f' +
        '00000080',
    );
  });

  it('is the protobuf message that the proto declares', async () => {
    const proto = fileURLToPath(
      new URL('../../../proto/ftctl/collective/v1/collective.proto', import.meta.url),
    );
    const { Root } = await import('protobufjs');
    const root = new Root();
    root.resolvePath = (_from, path) =>
      path.startsWith('ftctl/')
        ? fileURLToPath(new URL(`../../../proto/${path}`, import.meta.url))
        : path;
    const type = (await load(proto, root)).lookupType('ftctl.collective.v1.ReceiveResponse');
    for (const length of [0, 10, 40, 5000, 60_000]) {
      const bytes = encodeFrames([
        whole(message({ vectorLength: 70_000, values: new Float32Array(length) })),
      ]);
      const { frames } = type.decode(bytes) as unknown as { frames: Buffer };
      expect(frames.length).toBe(64 + 4 * length);
      expect(Buffer.from(type.encode({ frames }).finish()).equals(bytes)).toBe(true);
    }
  });

  it('arrives with all its bits, in chunks of any alignment', () => {
    const anyMessage = fc
      .record({
        round: fc.integer({ min: 1, max: 1000 }),
        kind: fc.constantFrom('partial' as const, 'segment' as const, 'empty' as const),
        length: fc.oneof(
          fc.integer({ min: 0, max: 50 }),
          fc.integer({ min: 60_000, max: 140_000 }),
        ),
        value: fc.float(),
      })
      .map(({ round, kind, length, value }) =>
        message({
          round: 1000 - (round % 2),
          kind,
          vectorLength: length + 9,
          values: Float32Array.from({ length }, (_, i) => (i % 5 === 0 ? value : i)),
        }),
      );
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 5 }), fc.nat(7), (messages, misalignment) => {
        const window = new SendWindow();
        for (const one of messages) window.push(one);
        const reader = new FrameReader();
        const chunks = chunksOf(window, misalignment);
        for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(MAX_CHUNK_BYTES + 5);
        const received = chunks.flatMap((chunk) => reader.read(chunk));
        expect(received.map(summary)).toEqual(messages.map(summary));
      }),
      { numRuns: 40 },
    );
  });

  it('shares a chunk with other small ones', () => {
    const window = new SendWindow();
    for (let node = 1; node <= 8; node++) window.push(message({ node }));
    expect(window.take().map((frame) => frame.message.node)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(window.take()).toEqual([]);
  });

  it('is refused where it is damaged, with the reason', () => {
    const good = encodeFrames([whole(message())]);
    const change = (offset: number, value: number): Buffer => {
      const bytes = Buffer.from(good);
      bytes.writeUInt32LE(value, 2 + offset);
      return bytes;
    };
    const prefix = 'A data message from another worker cannot be read: ';
    const cases: [Buffer, string][] = [
      [Buffer.alloc(0), 'it has no frames.'],
      [Buffer.of(0x12, 0), 'it has no frames.'],
      [Buffer.of(0x0a, 0xff, 0xff, 0xff, 0xff), 'the length of its frames cannot be read.'],
      [good.subarray(0, 40), 'it announces 72 bytes of frames and has 38.'],
      [
        Buffer.concat([Buffer.of(0x0a, 40), good.subarray(2, 42)]),
        'a frame ends within its header.',
      ],
      [change(0, 1), 'a frame does not start with "FTC1".'],
      [change(4, 9), 'there is no message kind 9.'],
      [change(56, 3), 'a frame ends within its values.'],
      [change(52, 1), 'a frame starts at value 1, not 0.'],
      [change(48, 1), 'a message of 1 values gets more than those.'],
      [change(40, 10), 'values [9, 11) of a vector of 10 elements (at most 268435456).'],
      [
        change(40, 2 ** 28 + 1),
        'values [9, 11) of a vector of 268435457 elements (at most 268435456).',
      ],
    ];
    for (const [bytes, why] of cases) {
      expect(() => new FrameReader().read(bytes)).toThrow(prefix + why);
      expect(code(() => new FrameReader().read(bytes))).toBe('FT_WIRE_DAMAGED');
    }
  });

  it('is refused where another message begins before it is whole', () => {
    const reader = new FrameReader();
    const one = message({ vectorLength: 20, values: new Float32Array(4) });
    expect(reader.read(encodeFrames([{ message: one, start: 0, length: 2 }]))).toEqual([]);
    const other = { message: { ...one, node: 9 }, start: 2, length: 2 };
    expect(() => reader.read(encodeFrames([other]))).toThrow(
      'a message begins before the one before it is whole',
    );
  });

  it('is not encoded where a number does not fit its field', () => {
    expect(() => encodeFrames([whole(message({ round: 2 ** 32 }))])).toThrow(RangeError);
  });
});

describe('the send window', () => {
  const rounds = (window: SendWindow): number[] =>
    window.take().map((frame) => frame.message.round);

  it('keeps the last two rounds for a broken stream, and no more', () => {
    const window = new SendWindow();
    for (const round of [1, 1, 2, 3, 4]) {
      window.push(message({ round }));
      window.take();
    }
    window.restart();
    expect(rounds(window)).toEqual([3, 4]);
  });

  it('drops what was never taken when it is two rounds old: it is bounded without a reader', () => {
    const window = new SendWindow();
    for (let round = 1; round <= 100; round++) window.push(message({ round }));
    expect(rounds(window)).toEqual([99, 100]);
  });

  it('forgets older generations', () => {
    const window = new SendWindow();
    window.push(message({ round: 7, generation: { term: 1, number: 1 } }));
    window.push(message({ round: 7, generation: { term: 1, number: 2 } }));
    expect(window.take().map((frame) => frame.message.generation.number)).toEqual([2]);
  });

  it('ends a message that it has begun, however old', () => {
    const window = new SendWindow();
    const long = message({ round: 1, vectorLength: 200_000, values: new Float32Array(150_000) });
    window.push(long);
    const first = window.take();
    expect(first[0]!.length).toBeLessThan(150_000);
    window.push(message({ round: 5 }));
    const reader = new FrameReader();
    const received = [first, window.take(), window.take(), window.take()]
      .filter((frames) => frames.length > 0)
      .flatMap((frames) => reader.read(encodeFrames(frames)));
    expect(received.map((one) => one.round)).toEqual([1, 5]);
  });
});
