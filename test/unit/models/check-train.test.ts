import { describe, expect, it } from 'vitest';
import { checkModelSpec } from '../../../src/models/check-spec.js';
import { failure, load, minimal } from '../config/support.js';

const check = { checkModel: checkModelSpec };

/** The faults of a document whose first phase has these keys, as `code message -> remedy`, places left out. */
async function faults(keys: string, sets: string[] = [], text = minimal): Promise<string[]> {
  const faulty = text.replace('  - epochs: 3', `  - {epochs: 3, ${keys}}`);
  const { error } = await failure(faulty, sets, check);
  const problems = error.details!['problems'] as {
    readonly code: string;
    readonly message: string;
    readonly remedy: string;
  }[];
  return problems.map(
    ({ code, message, remedy }) =>
      `${code} ${message.replace(/^(\S*run\.yaml:\d+:\d+|--set .*?): /, '')} -> ${remedy}`,
  );
}

async function loads(keys: string, sets: string[] = [], text = minimal): Promise<void> {
  const document = text.replace('  - epochs: 3', `  - {epochs: 3, ${keys}}`);
  await expect(load(document, sets, {}, check)).resolves.toBeDefined();
}

const inModels = 'Look for the name in `ftctl models show NAME`.';

describe('the names of a split point', () => {
  it('are layers, modules and globs of the network', async () => {
    await loads('train: layer4');
    await loads('train: [layer3.1, "*.bn?.weight"], except: [layer4.0, "*.bias"]');
    await loads('train: all, except: [conv1, bn1]');
    await loads('train: features.denseblock4', ['model.architecture=densenet121']);
  });

  it('that mean nothing are told with the nearest, at their line', async () => {
    const text = minimal.replace('epochs: 3', 'train: [layer4, layr3]\n    epochs: 3');
    const { code, message, error } = await failure(text, [], check);
    expect(code).toBe('FT_MODEL_LAYER');
    expect(message).toMatch(
      /^run\.yaml:10:21: phases\.0\.train\.1: There is no layer "layr3" in this network\. The nearest names are layer3, /,
    );
    expect(error.details).toMatchObject({ layer: 'layr3' });
  });

  it('that mean nothing are all told, with the other faults', async () => {
    const told = await faults('train: [layr4], except: ["*.bn9.*", relu], mixup: 1', [
      'batch={size: 2, shards: 2}',
    ]);
    expect(told.map((line) => line.replace(/The nearest names are .*?\. ->/, '->'))).toEqual([
      'FT_CONFIG_CONFLICT phases.0.mixup is 1, batch.size is 2 and batch.shards is 2. An image is mixed with another one of its shard, and a shard of one image has none. -> Set batch.shards to at most half of batch.size, or mixup to 0.',
      `FT_MODEL_LAYER phases.0.train: There is no layer "layr4" in this network. -> Did you mean layer4? \`ftctl models show NAME\` prints all names.`,
      `FT_MODEL_LAYER phases.0.except.0: There is no parameter "*.bn9.*" in this network. -> ${inModels}`,
      'FT_MODEL_LAYER phases.0.except.1: relu has no parameters. It computes without weights. -> Name a layer or module with parameters: `ftctl models show NAME` prints them.',
    ]);
  });

  it('are not excepted where they are the classifier, or not trained', async () => {
    expect(await faults('train: all, except: fc')).toEqual([
      'FT_MODEL_LAYER phases.0.except: fc is the classifier, which cannot be left out of the training. It is a new one, of the classes of the run. -> Take it out of `except`.',
    ]);
    expect(await faults('train: layer4, except: layer1')).toEqual([
      'FT_CONFIG_CONFLICT phases.0.except is layer1, of which nothing would be trained. phases.0.train is layer4. -> Remove it.',
    ]);
  });

  it('may be of either network that a file of weights can be of', async () => {
    const mobile = minimal.replace('resnet18', 'mobilenet_v2').replace('random', './w.safetensors');
    // Folded batch norm leaves a bias in the convolution, which torchvision's has not.
    await loads('train: features.0.0.bias', [], mobile);
    await loads('train: features.0.1.weight', [], mobile);
    expect(await faults('train: features.0.9', [], mobile)).toHaveLength(1);
    const random = mobile.replace('./w.safetensors', 'random');
    expect(await faults('train: features.0.0.bias', [], random)).toHaveLength(1);
  });
});

describe('the groups of an optimizer', () => {
  const groups = (list: string): string => `train: layer4, optimizer: {groups: [${list}]}`;

  it('have parameters that are trained', async () => {
    await loads(groups('{match: fc, learningRate: 0.1}, {match: "*.bn?.*", weightDecay: 0}'));
    expect(await faults(groups('{match: [fc, layer1], learningRate: 0.1}'))).toEqual([
      "FT_CONFIG_CONFLICT phases.0.optimizer.groups.0.match.1 is layer1, of which this phase trains nothing. A group's learning rate and weight decay are for parameters that are trained. -> Train them, or remove the name.",
    ]);
    expect((await faults(groups('{match: fcc, learningRate: 1}')))[0]).toMatch(
      /^FT_MODEL_LAYER phases\.0\.optimizer\.groups\.0\.match: There is no layer "fcc"/,
    );
  });

  it('are told what the classifier is called', async () => {
    expect(await faults(groups('{match: head, learningRate: 0.1}'))).toEqual([
      'FT_MODEL_LAYER phases.0.optimizer.groups.0.match is head, which is no name in the network. -> Name the classifier as it is called here: fc.',
    ]);
  });

  it('have some that no group before them has', async () => {
    const told = await faults(
      groups('{match: layer4, weightDecay: 0}, {match: layer4.1, learningRate: 1}'),
    );
    expect(told).toEqual([
      'FT_CONFIG_CONFLICT phases.0.optimizer.groups.1 has no parameter. A parameter belongs to the first group that matches it, and the groups before have them all. -> Put the narrower group first, or remove this one.',
    ]);
    await loads(groups('{match: layer4.1, learningRate: 1}, {match: layer4, weightDecay: 0}'));
  });
});

describe('batch norm by shards', () => {
  it('is for phases that train a batch norm', async () => {
    await loads('train: layer4, batchNorm: shard');
    const none =
      'FT_CONFIG_CONFLICT phases.0.batchNorm is "shard", and the phase trains no batch norm. Batch norms that are not trained keep their statistics. -> Remove phases.0.batchNorm.';
    expect(await faults('train: all, batchNorm: shard', ['model.architecture=vgg11'])).toEqual([
      none,
    ]);
    expect(await faults('train: "*.conv1.weight", batchNorm: shard')).toEqual([none]);
  });

  it('is refused where one would see a single value', async () => {
    const keys = 'train: layer4, batchNorm: shard';
    const single = ['batch={size: 4, shards: 4}', 'data.imageSize=32'];
    // 32 pixels, halved five times, are one.
    expect(await faults(keys, single)).toEqual([
      'FT_CONFIG_CONFLICT phases.0.batchNorm is "shard", batch.size is 4, batch.shards is 4, and of images of 32 x 32 pixels layer4.0.bn1 has 1 x 1. One value of a channel has no variance. -> Set batch.shards to at most half of batch.size, raise data.imageSize, or set batchNorm to frozen.',
    ]);
    await loads(keys, ['batch={size: 4, shards: 2}', 'data.imageSize=32']);
    await loads(keys, ['batch={size: 4, shards: 4}', 'data.imageSize=64']);
    await loads(keys.replace('shard', 'frozen'), single);
  });
});

describe('an auxiliary classifier', () => {
  it('needs images that reach it, where it is trained', async () => {
    const inception = ['model.architecture=inception_v3', 'data.imageSize=96'];
    await loads('train: Mixed_7a', inception);
    const [told] = await faults('train: all', inception);
    expect(told).toMatch(
      /^FT_MODEL_IMAGE_SIZE phases\.0\.train: Images of 96 x 96 pixels are too small/,
    );
    await loads('train: all', ['model.architecture=inception_v3', 'data.imageSize=299']);
    // Told once, and of images that are too small for the network itself by that alone.
    const twice = [...inception, 'phases=[{train: all, epochs: 1}, {train: all, epochs: 1}]'];
    expect(await faults('', twice)).toHaveLength(1);
    expect(await faults('train: all', [inception[0]!, 'data.imageSize=64'])).toHaveLength(1);
  });
});
