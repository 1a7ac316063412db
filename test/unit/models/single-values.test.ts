import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makePlan } from '../../../src/data/plan.js';
import { FtctlError } from '../../../src/errors/index.js';
import { checkSingleValues, lastBatchSize } from '../../../src/models/single-values.js';
import { smallManifest, smallPhase, smallRun } from '../../support/train/small-run.js';

describe('the last batch', () => {
  it('has as many samples as the plan gives its shards', () => {
    const cases = fc.record({
      numTrain: fc.integer({ min: 1, max: 60 }),
      numShards: fc.integer({ min: 1, max: 5 }),
      rowsPerShard: fc.integer({ min: 1, max: 4 }),
      limitBatches: fc.option(fc.integer({ min: 1, max: 4 })),
      overfitBatch: fc.boolean(),
    });
    fc.assert(
      fc.property(cases, ({ numTrain, numShards, rowsPerShard, ...training }) => {
        const batch = { size: numShards * rowsPerShard, shards: numShards };
        const manifest = smallManifest({ train: numTrain, val: 1, test: 0 });
        const plan = makePlan({
          ...{ manifest, numShards, batchSize: batch.size, seed: 1, views: 1, ...training },
        });
        const rows = Array.from({ length: numShards }, (_, shard) => {
          const { samples } = plan.trainMicrobatch(0, plan.numTrainSteps - 1, shard);
          return samples.length;
        });
        const numSamples = lastBatchSize(numTrain, { batch, training });
        expect(rows.reduce((sum, count) => sum + count, 0)).toBe(numSamples);
        // A shard has a single row of fewer than two for each, and of no more.
        expect(rows.includes(1)).toBe(numSamples < 2 * numShards);
      }),
    );
  });
});

describe('a batch norm of one value a channel', () => {
  const { spec } = smallRun({ batchSize: 16, numShards: 4 });
  const shard = smallPhase({ train: ['layer4'], batchNorm: 'shard' });
  const checked = {
    ...spec,
    data: { ...spec.data, imageSize: 32 },
    phases: [smallPhase(), shard],
    workers: { count: 2 },
  };
  const errorOf = (numTrain: number, changes: Partial<typeof checked> = {}): FtctlError => {
    try {
      checkSingleValues({ ...checked, ...changes }, numTrain);
    } catch (error) {
      if (error instanceof FtctlError) return error;
      throw error;
    }
    throw new Error('not refused');
  };

  it('is refused with its name and with what would do', () => {
    const { code, message, remedy } = errorOf(39);
    expect([code, message, remedy]).toEqual([
      'FT_CONFIG_CONFLICT',
      'The configuration: phases.1.batchNorm is "shard", the last batch of an epoch has 7 of 39 samples for 4 shards, and of images of 32 x 32 pixels layer4.0.bn1 has 1 x 1. A shard of one image has one value of a channel there, which has no variance.',
      'Set batch.shards to 2, or batch.size to 20, or batchNorm to frozen; or raise data.imageSize.',
    ]);
  });

  it('has the advice that holds: fewer shards than workers are none, and a single image is one in any shard', () => {
    expect(errorOf(39, { workers: { count: 3 } }).remedy).toBe(
      'Set batch.size to 20, or batchNorm to frozen; or raise data.imageSize.',
    );
    expect(errorOf(33).remedy).toBe(
      'Set batch.size to 12, or batchNorm to frozen; or raise data.imageSize.',
    );
    expect(errorOf(1).remedy).toBe('Set batchNorm to frozen; or raise data.imageSize.');
  });

  it('is taken where there are more rows, pixels or none of it is trained by shards', () => {
    checkSingleValues(checked, 40);
    checkSingleValues(checked, 32);
    checkSingleValues(checked, 0);
    checkSingleValues({ ...checked, data: { ...checked.data, imageSize: 64 } }, 39);
    checkSingleValues({ ...checked, phases: [{ ...shard, batchNorm: 'frozen' }] }, 39);
    checkSingleValues({ ...checked, phases: [{ ...shard, train: ['*.conv1.weight'] }] }, 39);
    checkSingleValues({ ...checked, training: { ...checked.training, limitBatches: 2 } }, 39);
    checkSingleValues({ ...checked, model: { onnx: 'a.onnx' } as never }, 39);
  });

  it('is one of an auxiliary classifier too, at any size of images that it takes', () => {
    const phases = [smallPhase({ train: ['Mixed_6e'], batchNorm: 'shard' })];
    const model = { ...spec.model, architecture: 'inception_v3' as never };
    const data = { ...spec.data, imageSize: 299 };
    expect(errorOf(39, { phases, model: model as typeof spec.model, data }).message).toContain(
      'AuxLogits.conv1.bn has 1 x 1',
    );
  });
});
