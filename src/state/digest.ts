import { createHash } from 'node:crypto';
import { float64Of, littleEndianBytes } from './little-endian.js';
import type { EvaluationRecord, TrainingState } from './training-state.js';

/** Changes whenever the layout below does, so that two digests of different layouts never compare equal. */
const digestDomain = 'ftctl-digest-v2\n';

/**
 * What `launch --json` calls `digest`, lower-case hex: two runs with the same digest trained the same bits. SHA-256
 * over sections in the order below; docs/numerics.md gives the byte layout for reading it from another language.
 */
export function stateDigest(state: TrainingState): string {
  const hash = createHash('sha256').update(digestDomain);
  for (const [name, values] of digestSections(state)) {
    const header = Buffer.alloc(24);
    header.write(name, 0, 16, 'ascii');
    header.writeBigUInt64LE(BigInt(values.byteLength), 16);
    hash.update(header).update(littleEndianBytes(values));
  }
  return hash.digest('hex');
}

function digestSections(state: TrainingState): [string, Float32Array | Float64Array][] {
  const { test } = state;
  return [
    ['parameters', state.parameters],
    ['first-moments', state.firstMoments],
    ['second-moments', state.secondMoments],
    ['batch-norm', state.statistics],
    ['round', Float64Array.of(state.round)],
    ['history', historyValues(state.history)],
    ['test', float64Of(test === null ? [] : [test.loss, test.accuracy])],
  ];
}

/** Numbers of one evaluation record, in {@link historyValues}' order. */
export const historyWidth = 7;

/** Records one after the other: phase, epoch, train loss and accuracy, val loss and accuracy, learning rate. */
export function historyValues(history: readonly EvaluationRecord[]): Float64Array {
  return float64Of(
    history.flatMap((record) => [
      record.phase,
      record.epoch,
      record.trainLoss,
      record.trainAccuracy,
      record.valLoss,
      record.valAccuracy,
      record.learningRate,
    ]),
  );
}
