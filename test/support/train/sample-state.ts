import fc from 'fast-check';
import type { TrainingState } from '../../../src/state/training-state.js';

/** A state with something in every place, and a zero of each sign. */
export function sampleState(): TrainingState {
  return {
    round: 577,
    phase: 1,
    epoch: 12,
    parameters: Float32Array.of(0.5, -0, 1e-42, 3.4e38, -1),
    firstMoments: Float32Array.of(0.25, 0, -0.125, 7, 0),
    secondMoments: Float32Array.of(0.0625, 0, 1e-38, 49, 0),
    updates: 48,
    statistics: Float32Array.of(0.5, -0),
    samples: 9216,
    epochSums: { loss: 12.25, weight: 16, correct: 9, count: 16 },
    best: {
      phase: 0,
      epoch: 3,
      value: 0.75,
      parameters: Float32Array.of(1, 2, 3, -0, 5),
      statistics: Float32Array.of(-0, 3),
    },
    history: [
      {
        phase: 0,
        epoch: 3,
        trainLoss: 1.5,
        trainAccuracy: 0.7,
        valLoss: -0,
        valAccuracy: 0.75,
        learningRate: 0.1 * 0.1,
      },
    ],
    test: { loss: 1.75, accuracy: 0.625 },
    ledger: '0123456789abcdef'.repeat(4),
  };
}

/** Any state that a run can be in. */
export const anyState: fc.Arbitrary<TrainingState> = fc
  .integer({ min: 0, max: 9 })
  .chain((numParameters) => {
    const finite = { noNaN: true, noDefaultInfinity: true } as const;
    const count = fc.integer({ min: 0, max: 2 ** 40 });
    const number = fc.double(finite);
    const array = fc.float32Array({
      minLength: numParameters,
      maxLength: numParameters,
      ...finite,
    });
    const twoNumbers = fc.float32Array({ minLength: 2, maxLength: 2, ...finite });
    return fc.record({
      round: count,
      phase: count,
      epoch: count,
      parameters: array,
      firstMoments: array,
      secondMoments: array,
      updates: count,
      statistics: twoNumbers,
      samples: count,
      epochSums: fc.record({ loss: number, weight: number, correct: count, count }),
      best: fc.option(
        fc.record({
          phase: count,
          epoch: count,
          value: number,
          parameters: array,
          statistics: twoNumbers,
        }),
      ),
      history: fc.array(
        fc.record({
          phase: count,
          epoch: count,
          trainLoss: number,
          trainAccuracy: number,
          valLoss: number,
          valAccuracy: number,
          learningRate: number,
        }),
        { maxLength: 3 },
      ),
      test: fc.option(fc.record({ loss: number, accuracy: number })),
      ledger: fc
        .uint8Array({ minLength: 32, maxLength: 32 })
        .map((bytes) => Buffer.from(bytes).toString('hex')),
    });
  });
