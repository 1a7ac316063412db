import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import {
  decodeSnapshot,
  encodeSnapshot,
  openSnapshot,
  stateBytes,
} from '../../../src/state/snapshot.js';
import { anyState, sampleState } from '../../support/train/sample-state.js';

const { bytes: sampleBytes } = encodeSnapshot(sampleState());

function refusal(bytes: Uint8Array): FtctlError {
  try {
    decodeSnapshot(bytes);
  } catch (error) {
    return FtctlError.from(error);
  }
  throw new Error('The bytes were accepted.');
}

/** The bytes with another checksum, so that what is checked after it is reached. */
function resealed(bytes: Uint8Array): Buffer {
  const body = Buffer.from(bytes.subarray(0, -32));
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

/** The snapshot with a changed header, padded and sealed as the format wants. */
function withHeader(change: (header: SampleHeader) => void): Buffer {
  const end = 16 + Buffer.from(sampleBytes).readUInt32LE(12);
  const header = JSON.parse(Buffer.from(sampleBytes.subarray(16, end)).toString()) as SampleHeader;
  change(header);
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const prefix = Buffer.from(sampleBytes.subarray(0, 16));
  prefix.writeUInt32LE(padded.length, 12);
  return resealed(Buffer.concat([prefix, padded, sampleBytes.subarray(end)]));
}

interface SampleHeader {
  round: unknown;
  ledger: unknown;
  arrays: [unknown, unknown, unknown][];
}

describe('a snapshot', () => {
  it('gives back the state, bit for bit', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const snapshot = encodeSnapshot(state);
        const decoded = decodeSnapshot(snapshot.bytes);
        expect(decoded).toEqual(state);
        expect(encodeSnapshot(decoded)).toEqual(snapshot);
      }),
    );
  });

  it('is as large as is foretold, but for its header', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const foretold = stateBytes({
          numParameters: state.parameters.length,
          numStatistics: state.statistics.length,
          numEpochs: state.history.length,
        });
        const { length } = encodeSnapshot(state).bytes;
        expect(length).toBeLessThanOrEqual(foretold);
        if (state.best !== null) expect(length).toBeGreaterThan(foretold - 4096);
      }),
    );
  });

  it('is named by its round and its hash', async () => {
    const snapshot = encodeSnapshot(sampleState());
    expect(snapshot.round).toBe(577);
    expect(await openSnapshot(snapshot.bytes)).toEqual({ ...snapshot, state: sampleState() });
    const other = sampleState();
    other.epochSums = { ...other.epochSums, loss: 12.5 };
    expect(encodeSnapshot(other).hash).not.toBe(snapshot.hash);
  });

  it('keeps no memory of the state that it was made of, nor the state of the bytes', () => {
    const state = sampleState();
    const { bytes } = encodeSnapshot(state);
    const before = Buffer.from(bytes);
    state.parameters.fill(9);
    expect(Buffer.from(bytes).equals(before)).toBe(true);
    const decoded = decodeSnapshot(bytes);
    bytes.fill(0);
    expect(decoded.parameters[0]).toBe(0.5);
  });

  it('is read from any place in a larger buffer', async () => {
    for (const offset of [1, 2, 3, 4]) {
      const larger = new Uint8Array(sampleBytes.length + 8);
      larger.set(sampleBytes, offset);
      const bytes = larger.subarray(offset, offset + sampleBytes.length);
      expect(decodeSnapshot(bytes)).toEqual(sampleState());
      expect((await openSnapshot(bytes)).state).toEqual(sampleState());
    }
  });

  it('is opened without a copy of its arrays', async () => {
    const { bytes } = encodeSnapshot(sampleState());
    const { state } = await openSnapshot(bytes);
    expect(state.parameters.buffer).toBe(bytes.buffer);
    expect(state.best?.parameters.buffer).toBe(bytes.buffer);
  });
});

describe('a damaged snapshot', () => {
  it('is refused for any one flipped bit', async () => {
    const bit = fc.integer({ min: 0, max: sampleBytes.length * 8 - 1 });
    await fc.assert(
      fc.asyncProperty(bit, async (at) => {
        const mutated = Buffer.from(sampleBytes);
        mutated[at >> 3]! ^= 1 << (at & 7);
        expect(refusal(mutated).code).toBe('FT_CHECKPOINT_DAMAGED');
        await expect(openSnapshot(mutated)).rejects.toMatchObject({
          code: 'FT_CHECKPOINT_DAMAGED',
        });
      }),
      { numRuns: 500 },
    );
  });

  it('is refused at any shorter or greater length', () => {
    for (let length = 0; length < sampleBytes.length; length += 1) {
      expect(refusal(sampleBytes.subarray(0, length)).code).toBe('FT_CHECKPOINT_DAMAGED');
    }
    const longer = Buffer.concat([sampleBytes, Buffer.alloc(8)]);
    expect(refusal(longer).message).toBe(
      'The checkpoint cannot be used: its contents do not match its checksum.',
    );
  });

  it('is refused or read as exactly what it says, whatever bytes are sealed with a right checksum', () => {
    const edit = fc.record({
      at: fc.integer({ min: 0, max: sampleBytes.length - 33 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
    });
    fc.assert(
      fc.property(edit, ({ at, bytes }) => {
        const edited = Buffer.from(sampleBytes);
        edited.set(bytes.subarray(0, sampleBytes.length - 32 - at), at);
        const sealed = resealed(edited);
        let state;
        try {
          state = decodeSnapshot(sealed);
        } catch (error) {
          const { code } = FtctlError.from(error);
          expect(['FT_CHECKPOINT_DAMAGED', 'FT_CHECKPOINT_VERSION']).toContain(code);
          return;
        }
        expect(Buffer.from(encodeSnapshot(state).bytes).equals(sealed)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('is refused for a NaN whose bits are not those that are written', () => {
    const state = sampleState();
    state.epochSums = { ...state.epochSums, loss: NaN };
    const bytes = Buffer.from(encodeSnapshot(state).bytes);
    expect(decodeSnapshot(bytes)).toEqual(state);
    const at = bytes.indexOf(Buffer.from([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]));
    const signalling = Buffer.from([1, 0, 0, 0, 0, 0, 0xf0, 0x7f]);
    const negative = Buffer.from([0, 0, 0, 0, 0, 0, 0xf8, 0xff]);
    for (const nan of [signalling, negative]) {
      nan.copy(bytes, at);
      expect(refusal(resealed(bytes)).message).toBe(
        'The checkpoint cannot be used: it holds a number that no checkpoint is written with.',
      );
    }
  });

  it('is refused with the reason', () => {
    const huge = Buffer.from(sampleBytes);
    huge.writeUInt32LE(0xffffffff, 12);
    const reasons: [Uint8Array, string][] = [
      [Buffer.from('short'), 'it has 5 bytes, too few for a checkpoint'],
      [Buffer.alloc(200), 'it does not begin as a checkpoint does'],
      [resealed(huge), 'its header is longer than the file'],
      [
        withHeader((h) => (h.arrays[4]![2] = 2 ** 50)),
        'the lengths of its arrays do not add up to its size',
      ],
      [withHeader((h) => (h.arrays[4]![2] = -1)), 'its header is not that of a checkpoint'],
      [withHeader((h) => (h.arrays[4]![0] = 'toString')), 'its list of arrays is wrong'],
      [withHeader((h) => (h.arrays[4]![1] = 'float64')), 'its list of arrays is wrong'],
      [
        withHeader((h) => {
          h.arrays[4]![2] = 4;
          h.arrays[5]![2] = 6;
        }),
        'its arrays do not fit each other',
      ],
      [withHeader((h) => (h.round = 1.5)), 'its header is not that of a checkpoint'],
      [withHeader((h) => (h.ledger = 'x')), 'its header is not that of a checkpoint'],
      [withHeader((h) => h.arrays.reverse()), 'its header does not fit its contents'],
    ];
    for (const [bytes, reason] of reasons) {
      const error = refusal(bytes);
      expect(error.code).toBe('FT_CHECKPOINT_DAMAGED');
      expect(error.message).toBe(`The checkpoint cannot be used: ${reason}.`);
    }
  });

  it('is told apart from one of another format version', () => {
    const newer = Buffer.from(sampleBytes);
    newer.writeUInt32LE(3, 8);
    const error = refusal(resealed(newer));
    expect(error.code).toBe('FT_CHECKPOINT_VERSION');
    expect(error.message).toBe('The checkpoint has format version 3. This ftctl reads version 2.');
  });
});
