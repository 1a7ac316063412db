import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkModelSpec } from '../../../src/models/check-spec.js';
import { failure, load, minimal } from './support.js';

const own = minimal.replace(
  '  architecture: resnet18\n  weights: random\n',
  '  onnx: ./net.onnx\n  output: embedding\n',
);
const normalise = 'data.normalise={mean: [0, 0, 0], std: [1, 1, 1]}';

function problemsOf(error: { details?: Readonly<Record<string, unknown>> | undefined }) {
  return (error.details!['problems'] as { code: string; path: string }[]).map(
    ({ code, path }) => [code, path] as const,
  );
}

describe('an ONNX file as the network', () => {
  it('is a path relative to the configuration, and its document loads as the same again', async () => {
    const { spec, yaml, dir } = await load(own);
    expect(spec.model).toEqual({ onnx: `${dir}/net.onnx`, output: 'embedding' });
    expect((parse(yaml) as { model: unknown }).model).toEqual({
      ...{ architecture: null, width: 1, weights: null, integrity: null },
      ...{ onnx: `${dir}/net.onnx`, output: 'embedding' },
    });
    expect((await load(yaml)).spec).toEqual(spec);
  });

  it('replaces an architecture with its weights when it is set, and is replaced by one', async () => {
    const { spec } = await load(minimal, ['model.onnx=net.onnx']);
    expect(spec.model).toEqual({ onnx: '/work-dir/net.onnx', output: null });
    const back = await load(own, ['model.architecture=resnet34', 'model.weights=random']);
    expect(back.spec.model).toEqual({
      ...{ architecture: 'resnet34', width: 1, weights: 'random', integrity: null },
    });
  });

  it('needs the normalisation that its images had', async () => {
    const check = { checkModel: checkModelSpec };
    expect(await failure(own, [], check)).toMatchObject({
      code: 'FT_CONFIG_MISSING_KEY',
      message:
        'data.normalise is missing. model.onnx does not say how the images were normalised that it was trained on.',
    });
    await expect(load(own, [normalise], {}, check)).resolves.toBeDefined();
  });

  it('is not given beside an architecture', async () => {
    const text = minimal.replace('weights: random', 'weights: random\n  onnx: ./net.onnx');
    const { error, message } = await failure(text.replace('resnet18', 'resnet18\n  width: 0.5'));
    expect(message).toBe(
      'run.yaml:7:3: model.architecture has no use here: model.onnx is the network, with its weights.',
    );
    expect(problemsOf(error)).toEqual([
      ['FT_CONFIG_CONFLICT', 'model.architecture'],
      ['FT_CONFIG_CONFLICT', 'model.width'],
      ['FT_CONFIG_CONFLICT', 'model.weights'],
    ]);
  });
});

describe('a model', () => {
  it('without a network is told both keys, and that an output is of no use', async () => {
    const text = minimal.replace(
      '  architecture: resnet18\n  weights: random\n',
      '  output: embedding\n',
    );
    const { error } = await failure(text, [], { checkModel: checkModelSpec });
    expect(problemsOf(error)).toEqual([
      ['FT_CONFIG_MISSING_KEY', 'model.architecture'],
      ['FT_CONFIG_MISSING_KEY', 'model.weights'],
      ['FT_CONFIG_CONFLICT', 'model.output'],
    ]);
  });
});
