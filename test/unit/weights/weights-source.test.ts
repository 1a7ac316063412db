import { describe, expect, test } from 'vitest';
import { weightsSource, type WeightsSource } from '../../../src/models/weights/weights-source.js';

const nsfwjs = 'npm:nsfwjs@4.4.0#mobilenet_v2_mid';
const sha256 = '0123456789abcdef'.repeat(4);

const accepted: [string, string | null, WeightsSource][] = [
  ['random', null, { type: 'random' }],
  ['/a/b.safetensors', null, { type: 'file', path: '/a/b.safetensors' }],
  ['/a/b.pth', null, { type: 'file', path: '/a/b.pth' }],
  ['/a/model.json', null, { type: 'tfjs', path: '/a/model.json' }],
  [
    nsfwjs,
    'sha512-x',
    {
      ...{ type: 'nsfwjs', model: 'mobilenet_v2_mid' },
      ...{ name: 'nsfwjs', version: '4.4.0', integrity: 'sha512-x' },
    },
  ],
  [
    'npm:@a/b@1.2.3#w/net.pth',
    'sha512-x',
    {
      ...{ type: 'npm', file: 'w/net.pth' },
      ...{ name: '@a/b', version: '1.2.3', integrity: 'sha512-x' },
    },
  ],
  [
    'https://example.org/w.pth',
    sha256,
    {
      type: 'url',
      url: 'https://example.org/w.pth',
      expected: { algorithm: 'sha256', hex: sha256 },
    },
  ],
  [
    'torchvision:resnet50',
    null,
    {
      type: 'url',
      url: 'https://download.pytorch.org/models/resnet50-0676ba61.pth',
      expected: { algorithm: 'sha256', hex: '0676ba61' },
    },
  ],
  [
    'torchvision:resnet50/IMAGENET1K_V2',
    null,
    {
      type: 'url',
      url: 'https://download.pytorch.org/models/resnet50-11ad3fa6.pth',
      expected: { algorithm: 'sha256', hex: '11ad3fa6' },
    },
  ],
];

describe('a source of weights', () => {
  for (const [weights, integrity, source] of accepted) {
    test(`may be ${weights}`, () => {
      expect(weightsSource({ weights, integrity })).toEqual(source);
    });
  }

  test.each(['pretrained', 'imagenet'])('may be %s: the architecture has it', (weights) => {
    expect(weightsSource({ weights, integrity: null, architecture: 'alexnet' })).toEqual({
      type: 'url',
      url: 'https://download.pytorch.org/models/alexnet-owt-7be5be79.pth',
      expected: { algorithm: 'sha256', hex: '7be5be79' },
    });
  });

  const refused: [string, string | null, string, string?][] = [
    [nsfwjs, null, "An npm source needs model.integrity: the tarball's sha512."],
    [
      'npm:nsfwjs@4.4.0#resnet',
      'sha512-x',
      'In a package ftctl reads .safetensors, .pth, .pt and .onnx files, and of nsfwjs the models mobilenet_v2_mid, mobilenet_v2, inception_v3.',
    ],
    ['npm:a@1.2.3#../w.pth', 'sha512-x', 'The file must lie inside of the package.'],
    [
      'npm:nsfwjs',
      'sha512-x',
      'An npm source is written npm:NAME@VERSION#MODEL, or #PATH of a file in it.',
    ],
    [
      'https://example.org/w.pth',
      null,
      "A download needs model.integrity: the file's SHA-256 (64 hex digits, or sha256- and base64) or SHA-512 (sha512- and base64).",
    ],
    ['torchvision:resnet19', null, 'torchvision publishes no resnet19; did you mean resnet18?'],
    [
      'torchvision:resnet18/IMAGENET1K_V2',
      null,
      'torchvision publishes resnet18 as IMAGENET1K_V1.',
    ],
    ['torchvision:', null, 'It is written torchvision:NAME or torchvision:NAME/IMAGENET1K_V2.'],
    ['torchvision:vgg11', null, 'model.architecture is vgg16, which is another network.', 'vgg16'],
  ];
  for (const [weights, integrity, why, architecture] of refused) {
    test(`that is ${weights} (${integrity ?? 'not pinned'}) is refused`, () => {
      const spec = { weights, integrity, ...(architecture === undefined ? {} : { architecture }) };
      expect(() => weightsSource(spec)).toThrow(
        expect.objectContaining({
          code: 'FT_WEIGHTS_SOURCE',
          message: `model.weights is "${weights}". ${why}`,
        }),
      );
    });
  }
});
