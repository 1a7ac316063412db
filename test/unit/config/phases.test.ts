import { describe, expect, it } from 'vitest';
import type { PhaseSpec } from '../../../src/config/run-spec.js';
import { checkModelSpec } from '../../../src/models/check-spec.js';
import { failure, load, minimal } from './support.js';

/** The first phase of a document whose phases are `yaml`, a flow list. */
async function phaseOf(yaml: string, ...sets: string[]): Promise<PhaseSpec> {
  return (await load(minimal, [`phases=${yaml}`, ...sets])).spec.phases[0]!;
}

describe('a phase', () => {
  it('trains one part or a list of parts', async () => {
    expect(await phaseOf('[{epochs: 1, train: layer4}]')).toMatchObject({ train: ['layer4'] });
    const listed = '[{epochs: 1, train: ["*.bn?.weight", layer4], except: layer4.0}]';
    expect(await phaseOf(listed)).toMatchObject({
      train: ['*.bn?.weight', 'layer4'],
      except: ['layer4.0'],
    });
  });

  it("has PyTorch's defaults for each optimizer", async () => {
    const optimizer = async (yaml: string) =>
      (await phaseOf(`[{epochs: 1, optimizer: ${yaml}}]`)).optimizer;
    const adam = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, groups: [] };
    expect(await optimizer('{}')).toEqual({ type: 'adam', ...adam, weightDecay: 0 });
    expect(await optimizer('{type: adamw}')).toEqual({
      ...{ type: 'adamw', ...adam, weightDecay: 0.01 },
    });
    expect(await optimizer('{type: sgd}')).toEqual({
      ...{ type: 'sgd', learningRate: 0.001, weightDecay: 0, groups: [] },
      ...{ momentum: 0, dampening: 0, nesterov: false },
    });
  });

  it("has PyTorch's defaults for each schedule", async () => {
    const schedule = async (yaml: string) =>
      (await phaseOf(`[{epochs: 9, schedule: ${yaml}}]`)).schedule;
    const warmup = null;
    expect(await schedule('{}')).toEqual({ type: 'constant', warmup });
    expect(await schedule('{warmup: {epochs: 2}}')).toEqual({
      ...{ type: 'constant', warmup: { epochs: 2, factor: 1 / 3 } },
    });
    expect(await schedule('{type: step, stepSize: 4}')).toEqual({
      ...{ type: 'step', warmup, stepSize: 4, gamma: 0.1 },
    });
    expect(await schedule('{type: multistep, milestones: [2, 5]}')).toEqual({
      ...{ type: 'multistep', warmup, milestones: [2, 5], gamma: 0.1 },
    });
    expect(await schedule('{type: exponential, gamma: 0.9}')).toEqual({
      ...{ type: 'exponential', warmup, gamma: 0.9 },
    });
    expect(await schedule('{type: plateau}')).toEqual({
      ...{ type: 'plateau', warmup, metric: 'loss', factor: 0.1, patience: 10 },
      ...{ threshold: 1e-4, cooldown: 0, minRate: 0 },
    });
  });

  it('lets a cosine take the epochs that a warm-up leaves', async () => {
    const epochs = async (cosine: string): Promise<unknown> => {
      const { schedule } = await phaseOf(`[{epochs: 9, schedule: {type: cosine, ${cosine}}}]`);
      return 'epochs' in schedule ? schedule.epochs : undefined;
    };
    expect(await epochs('minRate: 1e-6')).toBe(9);
    expect(await epochs('warmup: {epochs: 2}')).toBe(7);
    expect(await epochs('epochs: 20')).toBe(20);
  });

  it('stops early by the metric of the best epoch, where it names no other', async () => {
    const metric = async (yaml: string): Promise<unknown> =>
      (await phaseOf(`[{epochs: 9, earlyStopping: ${yaml}}]`, 'best.metric=loss')).earlyStopping;
    expect(await metric('{patience: 3}')).toEqual({ metric: 'loss', patience: 3, minDelta: 0 });
    expect(await metric('{patience: 3, metric: accuracy}')).toMatchObject({ metric: 'accuracy' });
  });

  it('takes the weight of a class by its name, also as a single value that is set', async () => {
    const text = minimal.replace('epochs: 3', 'epochs: 3\n    classWeights: { rose: 2 }');
    const { spec } = await load(text, ['phases.0.classWeights.tulip=0.5']);
    expect(spec.phases[0]!.classWeights).toEqual({ rose: 2, tulip: 0.5 });
  });
});

describe('keys of a phase that do not go together', () => {
  /** What is wrong, the phase's keys, other settings, and the message and remedy that follow. */
  const cases: [name: string, keys: string, sets: string[], message: string, remedy: string][] = [
    [
      'momentum without SGD',
      'optimizer: {momentum: 0.9}',
      [],
      'phases.0.optimizer.momentum does not apply to phases.0.optimizer.type: "adam". It is a key of `sgd`.',
      'Remove phases.0.optimizer.momentum, or set phases.0.optimizer.type to `sgd`.',
    ],
    [
      'betas of SGD',
      'optimizer: {type: sgd, betas: [0.9, 0.999]}',
      [],
      'phases.0.optimizer.betas does not apply to phases.0.optimizer.type: "sgd". It is a key of `adam` and `adamw`.',
      'Remove phases.0.optimizer.betas, or set phases.0.optimizer.type to `adam` or `adamw`.',
    ],
    [
      'what is nearly a key of another type',
      'optimizer: {type: sgd, beta: 0.9}',
      [],
      'phases.0.optimizer.beta is not a configuration key.',
      'phases.0.optimizer.betas is a key of `adam` and `adamw`.',
    ],
    [
      'what is like no key, which is told those of its type alone',
      'optimizer: {zzzzzzz: 1}',
      [],
      'phases.0.optimizer.zzzzzzz is not a configuration key.',
      'The keys in phases.0.optimizer are: type, learningRate, weightDecay, betas, epsilon, groups.',
    ],
    [
      'what PyTorch calls a learning rate',
      'optimizer: {lr: 0.1}',
      [],
      'phases.0.optimizer.lr is not a configuration key.',
      'Did you mean phases.0.optimizer.learningRate?',
    ],
    [
      "what PyTorch calls a cosine's lowest rate",
      'schedule: {type: cosine, eta_min: 0.1}',
      [],
      'phases.0.schedule.eta_min is not a configuration key.',
      'Did you mean phases.0.schedule.minRate?',
    ],
    [
      "Nesterov's momentum without momentum",
      'optimizer: {type: sgd, nesterov: true}',
      [],
      "phases.0.optimizer.nesterov is true, with a momentum of 0 and a dampening of 0. Nesterov's momentum needs a momentum above 0 and a dampening of 0.",
      'Set phases.0.optimizer.momentum (0.9 is usual) and no dampening, or leave out nesterov.',
    ],
    [
      'dampening without momentum',
      'optimizer: {type: sgd, dampening: 0.1}',
      [],
      'phases.0.optimizer.dampening has no use here: phases.0.optimizer.momentum is 0.',
      'Remove phases.0.optimizer.dampening.',
    ],
    [
      'a group without a rate of its own',
      'optimizer: {groups: [{match: fc}]}',
      [],
      'phases.0.optimizer.groups.0 changes nothing. A group has a learningRate or weightDecay of its own.',
      'Set one of them, or remove the group.',
    ],
    [
      'a warm-up that is longer than the phase',
      'schedule: {warmup: {epochs: 4}}',
      [],
      'phases.0.schedule.warmup.epochs is 4, and phases.0.epochs is 3. The warm-up is part of the phase.',
      'Set phases.0.schedule.warmup.epochs to at most 3.',
    ],
    [
      'a warm-up that leaves nothing of a cosine',
      'schedule: {type: cosine, warmup: {epochs: 3}}',
      [],
      'phases.0.schedule.warmup.epochs is 3, and phases.0.epochs is 3. That leaves no epoch in which the learning rate could fall.',
      'Warm up for fewer epochs, or set the type to constant.',
    ],
    [
      'a lowest rate above a rate',
      'optimizer: {groups: [{match: fc, learningRate: 1e-5}]}, schedule: {type: plateau, minRate: 1e-4}',
      [],
      'phases.0.schedule.minRate is 0.0001, and the lowest learning rate of the phase is 0.00001. The schedule lowers the learning rate; it cannot end above it.',
      'Set phases.0.schedule.minRate to at most 0.00001.',
    ],
    [
      'milestones that do not increase',
      'schedule: {type: multistep, milestones: [2, 2]}',
      [],
      'phases.0.schedule.milestones is [2,2]. The epochs must increase.',
      'Change the value to one that the message allows.',
    ],
    [
      'an exponential schedule without its factor',
      'schedule: {type: exponential}',
      [],
      'phases.0.schedule.gamma is missing. It has no default.',
      'Add phases.0.schedule.gamma (a number above 0 and at most 1). Factor of each reduction; for `step`, `multistep` and `exponential` (which reduces after each epoch).',
    ],
    [
      'mixup in shards of one image',
      'mixup: 0.2',
      ['batch={size: 4, shards: 4}'],
      'phases.0.mixup is 0.2, batch.size is 4 and batch.shards is 4. An image is mixed with another one of its shard, and a shard of one image has none.',
      'Set batch.shards to at most half of batch.size, or mixup to 0.',
    ],
    [
      'weighted draws where there is one batch',
      'sampling: weighted',
      ['training.overfitBatch=true'],
      'phases.0.sampling is "weighted", and training.overfitBatch is true. Where every step has the first batch, nothing is drawn.',
      'Set phases.0.sampling to once, or training.overfitBatch to false.',
    ],
    [
      'statistics of a classifier',
      'batchNorm: shard',
      [],
      'phases.0.batchNorm has no use here: phases.0.train is "head", and the classifier has no batch norm.',
      'Remove phases.0.batchNorm.',
    ],
    [
      'an exception where the classifier alone is trained',
      'except: [layer4]',
      [],
      'phases.0.except has no use here: phases.0.train is "head", and the classifier is always trained.',
      'Remove phases.0.except.',
    ],
    [
      'a weight of a class that is none',
      'classWeights: {rose: 0}',
      [],
      'phases.0.classWeights.rose is 0. It must be a number above 0 and at most 1000000.',
      'Change the value to one that the message allows.',
    ],
    [
      'early stopping that does not say when',
      'earlyStopping: {}',
      [],
      'phases.0.earlyStopping.patience is missing. It has no default.',
      'Add phases.0.earlyStopping.patience (a whole number from 1 to 1000000). Evaluations in a row without an improvement after which the phase ends.',
    ],
  ];

  it.each(cases)('are refused: %s', async (_name, keys, sets, message, remedy) => {
    const text = minimal.replace('  - epochs: 3', `  - {epochs: 3, ${keys}}`);
    const told = await failure(text, sets, { checkModel: checkModelSpec });
    expect(told.message.replace(/^(run\.yaml:10:\d+|--set \S+): /, '')).toBe(message);
    expect(told.remedy).toBe(remedy);
    expect(told.error.details?.['problems']).toHaveLength(1);
  });

  it('are refused at their place in the file', async () => {
    const text = minimal.replace(
      'epochs: 3',
      'epochs: 3\n    optimizer:\n      type: sgd\n      nesterov: true',
    );
    expect((await failure(text)).message).toMatch(/^run\.yaml:13:7: phases\.0\.optimizer\.nest/);
  });

  it("are more than the classifier of a network of the user's own", async () => {
    const own = minimal.replace(/architecture: .*\n\s*weights: random/, 'onnx: net.onnx');
    const { code, message, remedy } = await failure(own, ['phases.0.train=all']);
    expect(code).toBe('FT_CONFIG_CONFLICT');
    expect(message).toBe(
      '--set phases.0.train=all: phases.0.train is "all", and the network is model.onnx. A network of your own is frozen: the classifier behind it is all that can be trained.',
    );
    expect(remedy).toBe("Set phases.0.train to head, or use an architecture of ftctl's.");
  });
});
