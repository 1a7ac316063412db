import { describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { checkModelSpec } from '../../../src/models/check-spec.js';
import { failure, load, minimal } from './support.js';

describe('a configuration with several faults', () => {
  it('lists all faults of all kinds: of arguments, unknown keys, values, and of keys together', async () => {
    const faulty = minimal
      .replace('imageSize: 64', 'imageSize: 64\n  imgSize: 3\n  split: { train: 1, val: 1 }')
      .replace('epochs: 3', 'epochs: 0\n    x: 1');
    const { error } = await failure(`${faulty}batch: { size: 30, shards: 8 }\n`, [
      'seed',
      'modle.width=2',
      'security.host=0.0.0.0',
    ]);
    const problems = error.details?.['problems'] as { code: string; path: string }[];
    expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'FT_CONFIG_BAD_SET ',
      'FT_CONFIG_UNKNOWN_KEY modle',
      'FT_CONFIG_UNKNOWN_KEY data.imgSize',
      'FT_CONFIG_UNKNOWN_KEY phases.0.x',
      'FT_CONFIG_INVALID_VALUE phases.0.epochs',
      'FT_CONFIG_CONFLICT data.split',
      'FT_BATCH_NOT_MULTIPLE batch.shards',
      'FT_CONFIG_UNSUPPORTED security.host',
    ]);
    expect(problems[0]).toEqual({
      code: error.code,
      path: '',
      message: error.message,
      remedy: error.remedy,
    });
  });

  it('is told with what is wrong with its model, which is looked at where its own group is valid', async () => {
    const refuse = (): never => {
      const details = { nearest: ['resnet18'] };
      throw new FtctlError('FT_MODEL_UNKNOWN', { what: 'There is no such network.', details });
    };
    const codesOf = async (text: string): Promise<string[]> => {
      const { error } = await failure(text, [], { checkModel: refuse });
      return (error.details?.['problems'] as { code: string }[]).map(({ code }) => code);
    };
    expect(await codesOf(minimal)).toEqual(['FT_MODEL_UNKNOWN']);
    const { error } = await failure(minimal, [], { checkModel: refuse });
    expect(error.details).toMatchObject({ nearest: ['resnet18'] });
    expect(await codesOf(minimal.replace('imageSize: 64', 'imageSize: 4'))).toEqual([
      'FT_CONFIG_INVALID_VALUE',
      'FT_MODEL_UNKNOWN',
    ]);
    expect(await codesOf(minimal.replace('weights: random', 'weights: 3'))).toEqual([
      'FT_CONFIG_INVALID_VALUE',
    ]);
  });

  it.each([
    ['IMAGENET1K_V1', 'FT_CONFIG_UNSUPPORTED'],
    ['x.h5', 'FT_CONFIG_UNSUPPORTED'],
    ['npm:nsfwjs@4.4.0#mobilenet_v2_mid', 'FT_CONFIG_MISSING_KEY'],
    ['npm:nsfwjs@latest#mobilenet_v2_mid', 'FT_CONFIG_INVALID_VALUE'],
  ])('is told once where its weights are none that ftctl reads: %s', async (weights, code) => {
    const sets = [`model.weights=${weights}`];
    const { error } = await failure(minimal, sets, { checkModel: checkModelSpec });
    const problems = error.details?.['problems'] as { code: string }[];
    expect(problems.map((problem) => problem.code)).toEqual([code]);
  });
});

describe('a network that only the configuration is known of', () => {
  const check = { checkModel: checkModelSpec };
  const withWeights = (weights: string): string =>
    minimal.replace('weights: random', `weights: ${weights}`);

  it('may have the name of a family, and weights in a file beside the configuration', async () => {
    const text = withWeights('./squeezenet.pth').replace('resnet18', 'squeezenet');
    const { spec, dir } = await load(text, [], {}, check);
    expect(spec.model).toMatchObject({
      architecture: 'squeezenet1_0',
      weights: `${dir}/squeezenet.pth`,
    });
  });

  it('is refused with images that are too small for it, together with all other faults', async () => {
    const text = minimal.replace('resnet18', 'alexnet').replace('imageSize: 64', 'imageSize: 32');
    const { error } = await failure(text, ['batch.shards=5'], check);
    const problems = error.details?.['problems'] as { code: string }[];
    expect(problems.map(({ code }) => code)).toEqual([
      'FT_BATCH_NOT_MULTIPLE',
      'FT_MODEL_IMAGE_SIZE',
    ]);
  });
});
