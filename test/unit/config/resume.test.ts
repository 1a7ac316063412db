import { describe, expect, it } from 'vitest';
import { checkResumable } from '../../../src/config/resume.js';
import type { RunSpec } from '../../../src/config/run-spec.js';
import { load, minimal } from './support.js';

const spec = async (...sets: string[]): Promise<RunSpec> => {
  const { spec: loaded } = await load(minimal, [
    'data.source=/flowers', // so that both documents are of the same data
    'phases=[{epochs: 3}, {epochs: 5, from: best}]',
    ...sets,
  ]);
  return loaded;
};

const mismatch = async (...sets: string[]): Promise<string> => {
  const [before, now] = [await spec(), await spec(...sets)];
  try {
    checkResumable(before, now);
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    expect(code).toBe('FT_RESUME_MISMATCH');
    return message;
  }
  return 'resumable';
};

const only =
  'Only workers, tolerance, engine.threads, cache, checkpoint, metrics, security, name and more epochs in the last phase may differ.';

describe('checkResumable', () => {
  it('lets everything differ that changes no trained bit, and the last phase grow', async () => {
    const result = await mismatch(
      'name=other',
      'workers.count=4',
      'tolerance=2 s',
      'phases.1.epochs=9',
      'engine.threads=2',
      'cache={path: /c, features: false, images: false}',
      'checkpoint.everyEpochs=2',
      'metrics={enabled: false, host: 0.0.0.0, port: 9000}',
      'security={host: localhost, port: 9100}',
    );
    expect(result).toBe('resumable');
  });

  it('lets a configuration be resumed as it is', async () => {
    expect(await mismatch()).toBe('resumable');
  });

  it('names a changed value with both values', async () => {
    expect(await mismatch('seed=1')).toBe(`The run cannot go on: seed was 0 and is now 1. ${only}`);
  });

  it('names all changed values', async () => {
    expect(
      await mismatch('batch.size=64', 'batch.shards=8', 'phases.0.optimizer.betas=[0.5, 0.999]'),
    ).toBe(
      `The run cannot go on: phases.0.optimizer.betas was [0.9,0.999] and is now [0.5,0.999]; batch.size was 32 and is now 64. ${only}`,
    );
  });

  it('refuses fewer epochs in the last phase, and any other number in an earlier one', async () => {
    expect(await mismatch('phases.1.epochs=4')).toBe(
      'The run cannot go on: phases.1.epochs was 5 and is now 4. The last phase may get more epochs, not fewer.',
    );
    expect(await mismatch('phases.0.epochs=4')).toBe(
      `The run cannot go on: phases.0.epochs was 3 and is now 4. ${only}`,
    );
  });

  it('tells how a longer last phase keeps its cosine', async () => {
    const phases = (epochs: number, own = ''): string =>
      `phases=[{epochs: ${epochs}, schedule: {type: cosine${own}}}]`;
    const [before, longer] = [await spec(phases(5)), await spec(phases(9))];
    const refused = (): void => {
      checkResumable(before, longer);
    };
    expect(refused).toThrow(
      expect.objectContaining({
        message: `The run cannot go on: phases.0.schedule.epochs was 5 and is now 9. ${only}`,
        remedy:
          'Set phases.0.schedule.epochs to 5, as it was; the learning rate rises again after them.',
      }),
    );
    checkResumable(before, await spec(phases(9, ', epochs: 5')));
  });

  it('does not care how a value is written', async () => {
    const before = await spec('phases=[{epochs: 3, train: layer4, classWeights: {a: 2, b: 3}}]');
    const now = await spec('phases=[{epochs: 3, train: [layer4], classWeights: {b: 3, a: 2}}]');
    expect(now).toEqual(before);
    checkResumable(before, now);
  });

  it('refuses another number of phases', async () => {
    expect(await mismatch('phases=[{epochs: 3}]')).toMatch(/^The run cannot go on: phases was \[/);
    const long = 'phases=[{epochs: 3}, {epochs: 5, from: best}, {epochs: 1}]';
    expect(await mismatch(long)).toMatch(/^The run cannot go on: phases was \[/);
  });

  it.each([
    'data.imageSize=32',
    'data.views=2',
    'data.augment.rotate=1',
    'data.split={train: 0.7, val: 0.3}',
    'data.normalise={mean: [0, 0, 0], std: [1, 1, 1]}',
    'data.onBadFile=skip',
    'model.architecture=resnet34',
    'phases.1.schedule={type: step, stepSize: 2}',
    'phases.1.schedule={warmup: {epochs: 1}}',
    'phases.1.train=layer4',
    'phases.1={epochs: 5, from: best, train: layer4, except: layer4.0}',
    'phases.1.optimizer.type=adamw',
    'phases.1.optimizer.groups=[{match: fc, learningRate: 1}]',
    'phases.1.clip.norm=1',
    'phases.1.labelSmoothing=0.1',
    'phases.1.classWeights={rose: 2}',
    'phases.1.sampling=weighted',
    'phases.1.mixup=0.2',
    'phases.1.accumulate=2',
    'phases.1.earlyStopping={patience: 2}',
    'batch.shards=4',
    'best.metric=loss',
    'engine.provider=webgpu',
    'training.limitBatches=1',
    'training.overfitBatch=true',
  ])('refuses %s', async (set) => {
    expect(await mismatch(set)).toContain('The run cannot go on: ');
  });
});
