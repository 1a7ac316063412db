import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { stateDigest } from '../../../src/state/digest.js';
import type { TrainingState } from '../../../src/state/training-state.js';
import { sampleState } from '../../support/train/sample-state.js';

/** Flips the lowest bit of the last value's representation. */
function flipLowestBit(values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  bits[bits.length - 1]! ^= 1;
}

const changes: Record<string, (state: TrainingState) => void> = {
  'one bit of a parameter': (state) => {
    flipLowestBit(state.parameters);
  },
  'the sign of a zero parameter': (state) => {
    state.parameters[1] = 0;
  },
  'one bit of a first moment': (state) => {
    flipLowestBit(state.firstMoments);
  },
  'one bit of a second moment': (state) => {
    flipLowestBit(state.secondMoments);
  },
  'a first and a second moment that change places': (state) => {
    [state.firstMoments, state.secondMoments] = [state.secondMoments, state.firstMoments];
  },
  'the round': (state) => {
    state.round += 1;
  },
  'a loss in the history': (state) => {
    state.history[0] = { ...state.history[0]!, valLoss: 0 };
  },
  'a record more': (state) => {
    state.history.push(state.history[0]!);
  },
  'the test score': (state) => {
    state.test = { loss: 1.75, accuracy: 0.6 };
  },
  'no test score': (state) => {
    state.test = null;
  },
};

describe('stateDigest', () => {
  it.each(Object.entries(changes))('changes with %s', (_, change) => {
    const state = sampleState();
    change(state);
    expect(stateDigest(state)).not.toBe(stateDigest(sampleState()));
  });

  it('does not depend on how the state was come by', () => {
    const state = sampleState();
    state.epochSums = { loss: 0, weight: 0, correct: 0, count: 0 };
    state.ledger = 'f'.repeat(64);
    expect(stateDigest(state)).toBe(stateDigest(sampleState()));
  });

  it('is the SHA-256 of the bytes that docs/numerics.md lays out', () => {
    const hash = createHash('sha256').update('ftctl-digest-v2\n');
    const section = (name: string, bytes: Buffer) => {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      hash.update(Buffer.concat([Buffer.from(name.padEnd(16, '\0')), length, bytes]));
    };
    const float32 = (values: readonly number[]) =>
      Buffer.concat(
        values.map((value) => {
          const bytes = Buffer.alloc(4);
          bytes.writeFloatLE(value);
          return bytes;
        }),
      );
    const float64 = (values: readonly number[]) =>
      Buffer.concat(
        values.map((value) => {
          const bytes = Buffer.alloc(8);
          bytes.writeDoubleLE(value);
          return bytes;
        }),
      );
    const state = sampleState();
    section('parameters', float32([...state.parameters]));
    section('first-moments', float32([...state.firstMoments]));
    section('second-moments', float32([...state.secondMoments]));
    section('batch-norm', float32([0.5, -0]));
    section('round', float64([577]));
    section('history', float64([0, 3, 1.5, 0.7, -0, 0.75, 0.1 * 0.1]));
    section('test', float64([1.75, 0.625]));
    expect(stateDigest(state)).toBe(hash.digest('hex'));
  });
});
