import { describe, expect, it } from 'vitest';
import { missingPaths } from '../../../src/config/missing-paths.js';
import { load, minimal } from './support.js';

const never = (): Promise<boolean> => Promise.resolve(false);

describe('the paths that a configuration names', () => {
  it('are told where they are not there', async () => {
    const { spec, dir } = await load(
      minimal
        .replace('weights: random', 'weights: ./r18.safetensors')
        .replace('imageSize', 'classNames: names.json\n  imageSize'),
    );
    expect(await missingPaths(spec, never)).toEqual([
      `data.source: ${dir}/flowers does not exist.`,
      `data.classNames: ${dir}/names.json does not exist.`,
      `model.weights: ${dir}/r18.safetensors does not exist.`,
    ]);
    const isThere = (path: string): Promise<boolean> => Promise.resolve(path.endsWith('flowers'));
    expect(await missingPaths(spec, isThere)).toHaveLength(2);
  });

  it('are a network in a file, too', async () => {
    const { spec, dir } = await load(
      minimal
        .replace(/architecture: .*\n\s*weights: random/, 'onnx: own.onnx')
        .replace('imageSize', 'normalise: {mean: [0, 0, 0], std: [1, 1, 1]}\n  imageSize'),
    );
    expect(await missingPaths(spec, never)).toEqual([
      `data.source: ${dir}/flowers does not exist.`,
      `model.onnx: ${dir}/own.onnx does not exist.`,
    ]);
  });

  it.each(['pretrained', 'torchvision:resnet18/IMAGENET1K_V1'])(
    'are no weights that are fetched: %s',
    async (weights) => {
      const { spec, dir } = await load(minimal.replace('random', weights));
      expect(await missingPaths(spec, never)).toEqual([
        `data.source: ${dir}/flowers does not exist.`,
      ]);
    },
  );

  it('are no packages and no random weights', async () => {
    const { spec } = await load(minimal, [
      'data.source=npm:flowers@1.0.0',
      `data.integrity=sha512-${'A'.repeat(86)}==`,
      'data.rules=/rules.yaml',
    ]);
    expect(await missingPaths(spec, never)).toEqual(['data.rules: /rules.yaml does not exist.']);
  });
});
